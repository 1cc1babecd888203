// From runs to a Plan: the only place that knows layers.
#pragma once

#include <cstdint>
#include <vector>

#include "config/run_spec.h"
#include "plan/plan.h"

namespace qrun {

/// What lowering needs to know of the data.
struct DataInfo {
  Shape shape;  // of one image, after cropping
  std::int64_t train_items = 0;
};

/// `iterations_per_epoch` of the run, or its default: items / batch size rounded down, at least 1.
[[nodiscard]] std::int64_t iterations_per_epoch(const RunSpec& spec, std::int64_t train_items);

/// Lowers a pack, fused. `runs` is not empty, and all have one pack_key(). Throws ConfigError, positioned at the
/// layer, where shapes don't fit (which layer, which shapes), or where no machine has the memory for them.
[[nodiscard]] Plan lower(const std::vector<RunSpec>& runs, const DataInfo& data);

/// The start of a run: masters drawn from its seed as `init` says, biases and history zero, iteration 0.
[[nodiscard]] std::vector<float> initial_values(const Plan& plan, int run, ParamId param);

/// Sizes and costs of the network, for one image.
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
[[nodiscard]] std::vector<LayerCost> network_costs(const RunSpec& spec, const Shape& input);

}  // namespace qrun
