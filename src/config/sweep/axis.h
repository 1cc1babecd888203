// The values of one axis of a sweep: a list, or numbers made by range, linspace or logspace.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/yaml/node.h"
#include "config/yaml/values.h"

namespace qrun::config {

/// Returns the values of `[1, 2]`, `{range: [start, stop, step]}` (stop included), `{linspace: [a, b, n]}` or
/// `{logspace: [a, b, n]}`. Empty where the axis is wrong (then reported).
[[nodiscard]] std::vector<Node> axis_values(const Value& axis);

/// What `1,2,4`, `choice(1,2,4)`, `range(1,9,2)`, `linspace(0,1,5)` or `logspace(1e-3,1e-1,5)` on the command line
/// means, as an axis in YAML; nothing where the text is a single value.
[[nodiscard]] std::optional<std::string> axis_text(const std::string& text);

/// A number with twelve significant digits at most: 0.3, not 0.30000000000000004.
[[nodiscard]] Node number_node(double value);

}  // namespace qrun::config
