// What a network costs: parameters, multiply-accumulates, bit-operations and model size, a line a layer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/run_spec.h"
#include "core/shape.h"

namespace qrun {

/// Sizes and costs of a layer, for one image.
struct LayerCost {
  std::string layer, type;
  Shape in, out;
  std::int64_t parameters = 0;
  std::int64_t macs = 0;
  std::int64_t bit_operations = 0;  // MACs x weight bits x input bits; 32 where not quantized
  std::int64_t bits_float = 0;      // 32 a parameter
  /// code_bits a parameter, plus scale and offset (32 each) per quantized tensor or channel.
  std::int64_t bits_quantized = 0;
};

/// Returns the costs of each layer of a network whose images have this shape. Throws ConfigError as lower() does.
[[nodiscard]] std::vector<LayerCost> network_costs(const RunSpec& spec, const Shape& input);

}  // namespace qrun
