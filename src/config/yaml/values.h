// One value of a configuration: what it must be, and what is said where it is not.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "config/yaml/node.h"
#include "config/yaml/problems.h"

namespace qrun::config {

/// A node to be read. It knows where it stands, so that its address is made only where there is a mistake to report.
struct Value {
  const Node& node;
  Problems& problems;
  std::string_view key;           // in the map that it stands in, or its whole address where it stands in nothing
  const Value* parent = nullptr;  // the map or list that it stands in, which outlives it

  /// Returns the node's address: `network.conv1.stride`.
  [[nodiscard]] std::string address() const;

  /// Reports a mistake; `text`: what is wrong; what would be right. Silent for a broken node, whose mistake is known.
  void fail(const std::string& text) const;
  /// Reports a node that is not what is wanted: `is a list; an integer is wanted`.
  void fail_kind(const std::string& wanted) const;
  [[nodiscard]] Value item(std::size_t index) const { return {node.items[index], problems, {}, this}; }
  /// What stands under a key of the map.
  [[nodiscard]] Value below(std::string_view name, const Node& value) const { return {value, problems, name, this}; }
};

/// Inclusive bounds of an integer.
struct IntRange {
  std::uint64_t min = 0;
  std::uint64_t max = 0;
};
inline constexpr std::uint64_t kMany = 1000000000;
inline constexpr IntRange kSeeds{.min = 0, .max = std::numeric_limits<std::uint64_t>::max()};

/// Bounds of a finite number.
struct NumberRange {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = true;
  bool high_open = true;
};
inline constexpr NumberRange kAnyNumber{};
inline constexpr NumberRange kPositive{.low = 0};
inline constexpr NumberRange kNotNegative{.low = 0, .low_open = false};
inline constexpr NumberRange kBelowOne{.low = 0, .high = 1, .low_open = false};

[[nodiscard]] std::string to_string(const IntRange& range);
[[nodiscard]] std::string to_string(const NumberRange& range);

// Readers of one value; nothing where it is wrong (then reported) or broken.
[[nodiscard]] std::optional<std::uint64_t> read_integer(const Value& value, const IntRange& range,
                                                        const std::string& whose = "");
[[nodiscard]] std::optional<double> read_number(const Value& value, const NumberRange& range);
[[nodiscard]] std::optional<bool> read_boolean(const Value& value);
[[nodiscard]] std::optional<std::string> read_text(const Value& value);
/// The index of the value among `names`.
[[nodiscard]] std::optional<std::size_t> read_choice(const Value& value, std::span<const char* const> names);

}  // namespace qrun::config
