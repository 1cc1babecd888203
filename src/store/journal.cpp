#include "store/journal.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/fault.h"

namespace qrun {
namespace {

std::string to_text(const JournalLine& line) {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  nlohmann::ordered_json json{{"epoch", line.train.epoch}, {"iteration", line.train.iteration},
                              {"loss", line.train.loss},   {"loss_mean", line.train.loss_mean},
                              {"lr", line.train.lr},       {"images_per_second", line.train.images_per_second}};
  if (line.test) {
    json["test_loss"] = line.test->loss;
    json["test_accuracy"] = line.test->accuracy;
  }
  json["time"] = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", now);
  return json.dump() + "\n";
}

/// Half a line would spoil the next one, so it is taken back.
bool append_whole(int descriptor, const std::string& text) {
  struct stat before {};
  if (descriptor < 0 || fstat(descriptor, &before) != 0) return false;
  fault_point("journal.half", [&] { static_cast<void>(write(descriptor, text.data(), text.size() / 2) < 0); });
  const ssize_t written = write(descriptor, text.data(), text.size());
  if (written == static_cast<ssize_t>(text.size())) return true;
  const int reason = written < 0 ? errno : ENOSPC;
  if (written > 0 && ftruncate(descriptor, before.st_size) != 0) return false;
  errno = reason;
  return false;
}

/// NaN for what JSON cannot say or is missing.
double number(const nlohmann::json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_number() ? at->get<double>() : std::numeric_limits<double>::quiet_NaN();
}

std::optional<JournalLine> parse_line(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("epoch") || !json.contains("iteration")) return std::nullopt;
  if (!json["epoch"].is_number_integer() || !json["iteration"].is_number_integer()) return std::nullopt;
  const auto epoch = json["epoch"].get<std::int64_t>();
  const auto iteration = json["iteration"].get<std::int64_t>();
  JournalLine line{.train = {.epoch = epoch,
                             .iteration = iteration,
                             .loss = number(json, "loss"),
                             .loss_mean = number(json, "loss_mean"),
                             .lr = number(json, "lr"),
                             .images_per_second = number(json, "images_per_second")},
                   .test = std::nullopt};
  if (json.contains("test_accuracy"))
    line.test = TestPoint{epoch, iteration, number(json, "test_loss"), number(json, "test_accuracy")};
  return line;
}

}  // namespace

void append_journal(const std::string& path, const JournalLine& line) {
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  const bool written = append_whole(descriptor, to_text(line));
  const int reason = errno;
  if (descriptor >= 0) close(descriptor);
  if (descriptor < 0) fail_to_replace(path, reason);
  if (!written) throw EnvironmentError("cannot write " + path + ": " + std::strerror(reason));
}

std::vector<JournalLine> read_journal(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw Error(path + ": cannot read: " + std::strerror(errno));
  std::vector<JournalLine> lines;
  for (std::string text; std::getline(file, text);) {
    if (const std::optional<JournalLine> line = parse_line(text)) lines.push_back(*line);
  }
  return lines;
}

}  // namespace qrun
