#include "store/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/fault.h"
#include "core/host.h"

namespace qrun {
namespace {

constexpr std::string_view kOfTest = "test_";

/// A line says once at which epoch and iteration it was written.
template <class Point, class T>
std::string key_of(const Metric<Point, T>& metric, const std::string& prefix) {
  return std::is_integral_v<T> ? metric.name : prefix + metric.name;
}

template <class Point, class Table>
void write_point(nlohmann::ordered_json& json, const std::string& prefix, const Point& point, const Table& table) {
  for_each_row(table, [&](const auto& metric) { json[key_of(metric, prefix)] = point.*metric.member; });
}

std::string to_text(const JournalLine& line) {
  nlohmann::ordered_json json;
  write_point(json, "", line.train, kTrainMetrics);
  if (line.test) write_point(json, std::string(kOfTest), *line.test, kTestMetrics);
  for (const auto& [k, accuracy] : line.top) json[std::string(kOfTest) + top_name(k)] = accuracy;
  json["time"] = utc_now();
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

/// Reads a number: NaN for one that JSON cannot say or that is missing; false where an integer is.
template <class T>
bool read_number(const nlohmann::json& json, const std::string& key, T& value) {
  const auto at = json.find(key);
  if constexpr (std::is_integral_v<T>) {
    if (at == json.end() || !at->is_number_integer()) return false;
    value = at->get<T>();
  } else {
    value = at != json.end() && at->is_number() ? at->get<T>() : std::numeric_limits<T>::quiet_NaN();
  }
  return true;
}

/// Reads a point; nothing where the line has no epoch and iteration.
template <class Point, class Table>
std::optional<Point> read_point(const nlohmann::json& json, const std::string& prefix, const Table& table) {
  Point point;
  bool is_one = true;
  for_each_row(table, [&](const auto& metric) {
    is_one = read_number(json, key_of(metric, prefix), point.*metric.member) && is_one;
  });
  return is_one ? std::optional(point) : std::nullopt;
}

std::optional<JournalLine> parse_line(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const std::optional<TrainPoint> train = read_point<TrainPoint>(json, "", kTrainMetrics);
  if (!train) return std::nullopt;
  JournalLine line{.train = *train};
  const bool was_tested =
      std::ranges::any_of(json.items(), [](const auto& item) { return item.key().starts_with(kOfTest); });
  if (was_tested) line.test = read_point<TestPoint>(json, std::string(kOfTest), kTestMetrics);
  for (const auto& item : json.items()) {
    if (!item.key().starts_with(kOfTest)) continue;
    const std::optional<std::int64_t> k = parse_top_name(std::string_view(item.key()).substr(kOfTest.size()));
    double accuracy = 0;
    if (k && read_number(json, item.key(), accuracy)) line.top.emplace_back(*k, accuracy);
  }
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
