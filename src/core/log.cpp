#include "core/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <vector>

#include "core/error.h"

namespace qrun {
namespace {

std::atomic<bool> whole = true;

void on_error(const std::string& problem) {
  if (whole.exchange(false)) std::fprintf(stderr, "qrun: the log is not whole: %s\n", problem.c_str());
}

}  // namespace

bool log_is_whole() { return whole; }

void set_up_log(LogLevel level, const std::string& file) {
  const auto wanted = level == LogLevel::kQuiet
                          ? spdlog::level::warn
                          : (level == LogLevel::kVerbose ? spdlog::level::debug : spdlog::level::info);
  const auto terminal = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  terminal->set_level(wanted);
  std::vector<spdlog::sink_ptr> sinks{terminal};
  if (!file.empty()) {
    try {
      sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>(file));
    } catch (const spdlog::spdlog_ex& error) {
      throw EnvironmentError(error.what());
    }
  }
  auto logger = std::make_shared<spdlog::logger>("qrun", sinks.begin(), sinks.end());
  logger->set_level(spdlog::level::debug);
  logger->set_error_handler(on_error);
  logger->set_pattern("%H:%M:%S %l %v");
  logger->flush_on(spdlog::level::debug);
  spdlog::set_default_logger(logger);
}

}  // namespace qrun
