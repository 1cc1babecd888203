// What /network says of a run: shapes and costs of its layers.
#pragma once

#include <string>

#include "core/shape.h"
#include "spec/run_spec.h"

namespace qrun {

/// JSON of all layers with their shapes, parameters, MACs, bit-operations and bits, and the totals.
[[nodiscard]] std::string network_json(const RunSpec& spec, const Shape& input);

}  // namespace qrun
