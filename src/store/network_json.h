// What /network says of a run: shapes and costs of its layers.
#pragma once

#include <cstdint>
#include <string>

#include "config/run_spec.h"
#include "core/shape.h"

namespace qrun {

/// JSON of all layers with their inputs, own parameters, shapes [c, h, w], parameter counts, MACs, bit-operations and
/// bits of the model (float and quantized), and the totals. Throws ConfigError where shapes don't fit.
[[nodiscard]] std::string network_json(const RunSpec& spec, const Shape& input);

/// A total of what network_json() has written, such as `model_bits`; 0 where there is none.
[[nodiscard]] std::int64_t network_total(const std::string& json, const char* key);

}  // namespace qrun
