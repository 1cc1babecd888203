// What /network says of a run: shapes and costs of its layers.
#pragma once

#include <string>

#include "config/run_spec.h"
#include "core/shape.h"

namespace qrun {

/// JSON of all layers with their inputs, own parameters, shapes [c, h, w], parameter counts, MACs, bit-operations and
/// bits of the model (float and quantized), and the totals. Throws ConfigError where shapes don't fit.
[[nodiscard]] std::string network_json(const RunSpec& spec, const Shape& input);

}  // namespace qrun
