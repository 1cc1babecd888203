#include "config/sweep/axis.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdlib>

#include "config/yaml/names.h"
#include "config/yaml/scalars.h"

namespace qrun::config {
namespace {

constexpr std::uint64_t kMostValues = 100000;

/// The three arguments of a function that makes numbers.
std::optional<std::array<double, 3>> read_arguments(const Value& value, const char* wanted) {
  if (!value.node.is_list() || value.node.items.size() != 3) {
    value.fail(std::string("takes three numbers; write ") + wanted);
    return std::nullopt;
  }
  std::array<double, 3> arguments{};
  for (std::size_t i = 0; i < 3; ++i) {
    const std::optional<double> number = read_number(value.item(i), kAnyNumber);
    if (!number) return std::nullopt;
    arguments[i] = *number;
  }
  return arguments;
}

/// Many values may share a mistake: it is reported once, at the axis that they came from.
std::vector<Node> made_by(const Value& axis, std::vector<Node> values) {
  for (Node& node : values) {
    node.at = axis.node.at;
    node.origin = axis.address();
  }
  return values;
}

std::vector<Node> range(const Value& value) {
  const auto arguments = read_arguments(value, "[start, stop, step]");
  if (!arguments) return {};
  const auto [start, stop, step] = *arguments;
  const double steps = step == 0 ? -1 : (stop - start) / step;
  if (!(steps >= 0)) {
    value.fail("never reaches " + format_number(stop) + " from " + format_number(start) + " by " + format_number(step) +
               "; the step leads from start to stop");
    return {};
  }
  if (steps > kMostValues) {
    value.fail("has more than " + std::to_string(kMostValues) + " values; use a larger step");
    return {};
  }
  constexpr double kSlack = 1e-9;  // of a step: 0.1 to 0.5 by 0.1 holds 0.5
  std::vector<Node> values;
  for (std::int64_t i = 0; static_cast<double>(i) <= steps + kSlack; ++i)
    values.push_back(number_node(start + static_cast<double>(i) * step));
  return values;
}

/// Returns `between(t)` for t from 0 to 1; the ends as they were given.
template <class Between>
std::vector<Node> spaced(const Value& value, const std::array<double, 3>& arguments, const Between& between) {
  const auto [first, last, count] = arguments;
  if (!(count >= 1) || count > kMostValues || count != std::floor(count)) {
    value.fail("the third number says how many; it is an integer in [1, " + std::to_string(kMostValues) + "]");
    return {};
  }
  const auto n = static_cast<std::int64_t>(count);
  std::vector<Node> values;
  for (std::int64_t i = 0; i < n; ++i) {
    const double t = n == 1 ? 0.0 : static_cast<double>(i) / static_cast<double>(n - 1);
    values.push_back(number_node(i == 0 ? first : (i == n - 1 ? last : between(t))));
  }
  return values;
}

std::vector<Node> linspace(const Value& value) {
  const auto arguments = read_arguments(value, "[first, last, how many]");
  if (!arguments) return {};
  const auto [first, last, count] = *arguments;
  if (!std::isfinite(last - first)) return value.fail("is too wide; use a smaller interval"), std::vector<Node>{};
  return spaced(value, *arguments, [a = first, b = last](double t) { return a + t * (b - a); });
}

std::vector<Node> logspace(const Value& value) {
  const auto arguments = read_arguments(value, "[first, last, how many]");
  if (!arguments) return {};
  const auto [first, last, count] = *arguments;
  if (!(first > 0 && last > 0)) {
    value.fail("a logarithmic axis has positive ends; the ends are the values themselves, not exponents");
    return {};
  }
  return spaced(value, *arguments, [a = first, b = last](double t) { return a * std::pow(b / a, t); });
}

bool is_call(const std::string& text, const std::string& name) {
  return text.size() > name.size() + 1 && text.starts_with(name + "(") && text.ends_with(")");
}

/// True for `1,2,4`, not for `[1, 2]` or `"a,b"`.
bool has_outer_comma(const std::string& text) {
  int depth = 0;
  char quote = 0;
  for (const char c : text) {
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '[' || c == '{' || c == '(') {
      ++depth;
    } else if (c == ']' || c == '}' || c == ')') {
      --depth;
    } else if (c == ',' && depth == 0) {
      return true;
    }
  }
  return false;
}

}  // namespace

Node number_node(double value) {
  return plain_node(format_number(std::strtod(fmt::format("{:.12g}", value).c_str(), nullptr)));
}

std::vector<Node> axis_values(const Value& axis) {
  const Node& node = axis.node;
  if (node.is_list()) {
    if (node.items.empty()) axis.fail("is empty; give at least one value");
    return node.items;
  }
  if (!node.is_map() || node.entries.size() != 1) {
    axis.fail(
        "is not an axis; write a list, or one of {range: [start, stop, step]}, {linspace: [a, b, n]}, "
        "{logspace: [a, b, n]}");
    return {};
  }
  const Entry& entry = node.entries[0];
  const Value arguments = axis.below(entry.key, entry.value);
  if (entry.key == "range") return made_by(axis, range(arguments));
  if (entry.key == "linspace") return made_by(axis, linspace(arguments));
  if (entry.key == "logspace") return made_by(axis, logspace(arguments));
  axis.problems.add(entry.key_at, arguments.address(),
                    "unknown; " + suggest(entry.key, {"range", "linspace", "logspace"}));
  return {};
}

std::optional<std::string> axis_text(const std::string& text) {
  for (const std::string name : {"range", "linspace", "logspace"}) {
    if (is_call(text, name))
      return "{" + name + ": [" + text.substr(name.size() + 1, text.size() - name.size() - 2) + "]}";
  }
  if (is_call(text, "choice")) return "[" + text.substr(7, text.size() - 8) + "]";
  return has_outer_comma(text) ? std::optional("[" + text + "]") : std::nullopt;
}

}  // namespace qrun::config
