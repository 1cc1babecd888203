#include "config/sweep/distribution.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "config/sweep/axis.h"
#include "config/yaml/names.h"
#include "math/rng.h"

namespace qrun::config {
namespace {

const std::vector<std::string> kNames = {"choice", "uniform", "log_uniform", "int_uniform"};

Draw choice(const Value& value) {
  std::vector<Node> values = axis_values(value);
  if (values.empty()) return {};
  return [values = std::move(values)](std::uint64_t seed, std::uint64_t stream, std::uint64_t i) {
    return values[random_below(seed, stream, i, values.size())];
  };
}

struct Ends {
  double low = 0;
  double high = 0;
};

/// Returns the ends of an interval; nothing where they are wrong (then reported).
std::optional<Ends> read_ends(const Value& value, bool is_log) {
  const std::string wanted = std::string("takes [low, high], low <= high") + (is_log ? ", both positive" : "");
  if (!value.node.is_list() || value.node.items.size() != 2) return value.fail(wanted), std::nullopt;
  const std::optional<double> low = read_number(value.item(0), kAnyNumber);
  const std::optional<double> high = read_number(value.item(1), kAnyNumber);
  if (!low || !high) return std::nullopt;
  const Ends ends{*low, *high};
  if (ends.low > ends.high || (is_log && ends.low <= 0)) return value.fail(wanted), std::nullopt;
  if (!std::isfinite(ends.high - ends.low)) return value.fail("is too wide; use a smaller interval"), std::nullopt;
  return ends;
}

Draw interval(const Value& value, const std::string& name) {
  const bool is_log = name == "log_uniform";
  const std::optional<Ends> ends = read_ends(value, is_log);
  if (!ends) return {};
  return [a = ends->low, b = ends->high, is_log, is_int = name == "int_uniform"](
             std::uint64_t seed, std::uint64_t stream, std::uint64_t i) {
    const double u = random_uniform(seed, stream, i);
    if (is_int) return number_node(std::floor(a + u * (std::floor(b) - a + 1)));
    return number_node(is_log ? a * std::pow(b / a, u) : a + u * (b - a));
  };
}

}  // namespace

Draw read_distribution(const Value& axis) {
  if (!axis.node.is_map() || axis.node.entries.size() != 1) {
    axis.fail(
        "is not a distribution; write one of {choice: [...]}, {uniform: [a, b]}, {log_uniform: [a, b]}, "
        "{int_uniform: [a, b]}");
    return {};
  }
  const Entry& entry = axis.node.entries[0];
  const Value value = axis.below(entry.key, entry.value);
  if (entry.key == "choice") return choice(value);
  if (std::ranges::find(kNames, entry.key) != kNames.end()) return interval(value, entry.key);
  axis.problems.add(entry.key_at, value.address(), "unknown; " + suggest(entry.key, kNames));
  return {};
}

}  // namespace qrun::config
