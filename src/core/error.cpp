#include "core/error.h"

namespace qrun {
namespace {

std::string join(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
  return text;
}

}  // namespace

ConfigError::ConfigError(std::vector<std::string> lines) : std::runtime_error(join(lines)), lines_(std::move(lines)) {}

ConfigError::ConfigError(const Position& where, const std::string& key, const std::string& problem)
    : ConfigError(std::vector{to_string(where) + ": " + key + ": " + problem}) {}

std::string to_string(const Position& where) {
  if (where.line == 0) return where.file;
  return where.file + ":" + std::to_string(where.line) + ":" + std::to_string(where.column);
}

void check_failed(const char* file, int line, const char* condition, const std::string& message) {
  throw std::logic_error(std::string("internal error at ") + file + ":" + std::to_string(line) + ": " + condition +
                         ": " + message);
}

}  // namespace qrun
