// What a random sweep draws from:
//   {choice: [...]}    {uniform: [a, b]}    {log_uniform: [a, b]}    {int_uniform: [a, b]}
#pragma once

#include <cstdint>
#include <functional>

#include "config/yaml/node.h"
#include "config/yaml/values.h"

namespace qrun::config {

/// A value, from the seed of the sweep, the number of the axis and that of the trial.
using Draw = std::function<Node(std::uint64_t seed, std::uint64_t stream, std::uint64_t index)>;

/// Returns what draws the values of an axis; empty where the axis is wrong (then reported).
[[nodiscard]] Draw read_distribution(const Value& axis);

}  // namespace qrun::config
