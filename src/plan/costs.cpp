#include "plan/costs.h"

#include <algorithm>
#include <map>

#include "plan/builder.h"
#include "plan/layers.h"
#include "quant/all.h"

namespace qrun {
namespace {

/// A layer's output on the way through the network.
struct Output {
  Shape shape;
  int bits = 32;  // of one value
};

/// The layer alone, on images of these shapes.
Plan plan_of(const LayerSpec& layer, const std::vector<Output>& from) {
  Builder builder(Plan{});
  std::vector<BufferId> inputs;
  for (const Output& input : from) inputs.push_back(builder.add_buffer("data", input.shape, false));
  const BufferId y = lower_layer(builder, layer, inputs);
  Plan plan = std::move(builder).finish({});
  plan.logits = y;
  return plan;
}

std::int64_t macs_of(const Step& step) {
  const std::optional<ConvShape> product = product_of(step.op);
  if (step.phase != Phase::kForward || !product) return 0;
  return times(product->weights(), product->out_h() * product->out_w());
}

/// Codes, and a scale and an offset of 32 bits each per quantized tensor or channel.
std::int64_t bits_of(const Blob& param, const QuantSettings& quant) {
  if (quant.method == kNoQuantizer) return 32 * param.size();
  return code_bits(quant) * param.size() + 64 * (quant.per_channel ? param.dims[0] : 1);
}

/// Bits of one value of the layer's output. Without a quantizer a layer that only selects among its inputs hands on
/// their precision.
int output_bits(const LayerSpec& layer, const Plan& plan, int input_bits) {
  if (layer.activation_quant.method != kNoQuantizer) return code_bits(layer.activation_quant);
  const bool selects = std::ranges::all_of(
      plan.steps, [](const Step& step) { return step.phase != Phase::kForward || info_of(step.op).selects; });
  return selects ? input_bits : 32;
}

}  // namespace

std::vector<LayerCost> network_costs(const RunSpec& spec, const Shape& input) {
  std::map<std::string, Output> outputs{{"data", {.shape = input}}};
  std::vector<LayerCost> costs;
  for (const LayerSpec& layer : spec.network) {
    std::vector<Output> inputs;
    for (const std::string& name : layer.input) inputs.push_back(outputs.at(name));
    const Output& in = inputs.at(0);
    const int bits = std::ranges::max(inputs, {}, &Output::bits).bits;
    const Plan plan = plan_of(layer, inputs);
    const Shape out = plan.buffers[static_cast<std::size_t>(plan.logits)].shape;
    LayerCost cost{.layer = layer.name, .type = layer.type(), .in = in.shape, .out = out};
    for (const Blob& param : plan.params) {
      cost.parameters += param.size();
      cost.bits_float += 32 * param.size();
      cost.bits_quantized += bits_of(param, settings_of(layer, param.role).quant);
    }
    for (const Step& step : plan.steps) cost.macs += macs_of(step);
    cost.bit_operations = times(cost.macs, std::int64_t{code_bits(layer.weight_quant)} * bits);
    outputs[layer.name] = {out, output_bits(layer, plan, bits)};
    costs.push_back(cost);
  }
  return costs;
}

}  // namespace qrun
