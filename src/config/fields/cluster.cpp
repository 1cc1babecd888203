#include "config/fields/cluster.h"

#include <algorithm>
#include <string_view>

#include "config/yaml/names.h"

namespace qrun::config {
namespace {

std::optional<std::int64_t> parse_count(std::string_view text) {
  constexpr std::size_t kMostDigits = 9;
  if (text.empty() || text.size() > kMostDigits) return std::nullopt;
  std::int64_t count = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    count = count * 10 + (c - '0');
  }
  return count;
}

/// True for `8G` and `512`: megabytes where no unit is written.
bool is_memory(const std::string& text) {
  const std::size_t digits = text.find_first_not_of("0123456789");
  const std::string unit = digits == text.npos ? "" : text.substr(digits);
  const bool has_unit = unit.size() == 1 || (unit.size() == 2 && (unit[1] == 'B' || unit[1] == 'b'));
  const bool is_known = std::string_view("KMGTkmgt").find(unit.empty() ? 'M' : unit[0]) != std::string_view::npos;
  return parse_count(text.substr(0, digits)).has_value() && (unit.empty() || has_unit) && is_known;
}

bool is_partition(const std::string& text) {
  return std::ranges::all_of(split(text, ','), [](const std::string& name) { return is_name(name, ".+@:"); });
}

void read_form(const Value& value, std::string& target, bool (*is_right)(const std::string&), const char* wanted) {
  const std::optional<std::string> read = read_text(value);
  if (!read) return;
  if (!is_right(*read)) return value.fail(*read + " is not " + wanted);
  target = *read;
}

}  // namespace

std::optional<std::int64_t> time_limit_seconds(const std::string& time) {
  if (const std::string word = lower_case(time); word == "unlimited" || word == "infinite") return 0;
  const std::size_t dash = time.find('-');
  const bool has_days = dash != std::string::npos;
  const std::optional<std::int64_t> days = has_days ? parse_count(time.substr(0, dash)) : 0;
  const std::vector<std::string> parts = split(has_days ? time.substr(dash + 1) : time, ':');
  if (!days || parts.size() > 3) return std::nullopt;
  // After days the first number is hours; alone it is minutes; two are minutes and seconds.
  std::int64_t unit = has_days || parts.size() == 3 ? 3600 : 60;
  std::int64_t seconds = *days * 86400;
  for (const std::string& part : parts) {
    const std::optional<std::int64_t> count = parse_count(part);
    if (!count) return std::nullopt;
    seconds += *count * unit;
    unit /= 60;
  }
  return seconds;
}

void read_partition(ClusterSpec& cluster, const Value& value) {
  read_form(value, cluster.partition, is_partition, "a partition; write its name, or several with commas between them");
}

void read_time(ClusterSpec& cluster, const Value& value) {
  const auto is_time = [](const std::string& text) { return time_limit_seconds(text).has_value(); };
  read_form(value, cluster.time, is_time, "a time; write MM, HH:MM:SS or D-HH:MM:SS");
}

void read_memory(ClusterSpec& cluster, const Value& value) {
  read_form(value, cluster.memory, is_memory, "a size of memory; write a whole number and K, M, G or T, such as 8G");
}

void read_options(ClusterSpec& cluster, const Value& value) {
  if (!value.node.is_list()) return value.fail_kind("a list of texts is wanted");
  for (std::size_t i = 0; i < value.node.items.size(); ++i) {
    if (auto option = read_text(value.item(i))) cluster.options.push_back(std::move(*option));
  }
}

void write_options(const ClusterSpec& cluster, const Writing& to) {
  to.sink.open(Sink::Collection::kList);
  for (const std::string& option : cluster.options) to.sink.text(option);
  to.sink.close();
}

Node schema_of_options() { return schema_of_list(map_node({{"type", text_node("string")}})); }

}  // namespace qrun::config
