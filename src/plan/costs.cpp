// What a network costs: parameters, multiply-accumulates, bit-operations and model size, a line a layer.
#include <map>

#include "plan/builder.h"
#include "plan/layers.h"
#include "plan/lower.h"
#include "quant/all.h"

namespace qrun {
namespace {

std::int64_t macs_of(const Op& op) {
  if (const auto* conv = std::get_if<Conv2dOp>(&op)) return times(conv->s.weights(), conv->s.out_h() * conv->s.out_w());
  if (const auto* linear = std::get_if<LinearOp>(&op)) return times(linear->in, linear->out);
  return 0;
}

/// Codes, and a scale and an offset of 32 bits each per quantized tensor or channel.
std::int64_t blob_bits(const ParamInfo& param, const QuantSettings& quant) {
  if (quant.method == kNoQuantizer) return 32 * param.size();
  return code_bits(quant) * param.size() + 64 * (quant.per_channel ? param.dims[0] : 1);
}

}  // namespace

std::vector<LayerCost> network_costs(const RunSpec& spec, const Shape& input) {
  struct Output {
    Shape shape;
    int bits = 32;  // of one value
  };
  std::map<std::string, Output> outputs{{"data", {.shape = input}}};
  std::vector<LayerCost> costs;
  for (const LayerSpec& layer : spec.network) {
    const Output in = outputs.at(layer.input.at(0));
    Builder builder(Plan{});
    const BufferId x = builder.add_buffer("data", in.shape, false);
    const BufferId y = lower_layer(builder, layer, x);
    LayerCost cost{.layer = layer.name, .type = layer.type(), .in = in.shape, .out = builder.shape(y)};
    const Plan plan = std::move(builder).finish();
    for (const ParamInfo& param : plan.params) {
      cost.parameters += param.size();
      cost.bits_float += 32 * param.size();
      cost.bits_quantized += blob_bits(param, param.is_bias ? layer.bias_quant : layer.weight_quant);
    }
    for (const Step& step : plan.steps) cost.macs += macs_of(step.op);
    cost.bit_operations = times(cost.macs, std::int64_t{code_bits(layer.weight_quant)} * in.bits);
    // A layer without quantizer and parameters (pooling, relu) hands on values of its input's precision.
    const bool quantized = layer.activation_quant.method != kNoQuantizer;
    const int bits = quantized
                         ? code_bits(layer.activation_quant)
                         : (cost.parameters > 0 || std::holds_alternative<AvgPool2dLayer>(layer.params) ? 32 : in.bits);
    outputs[layer.name] = {cost.out, bits};
    costs.push_back(cost);
  }
  return costs;
}

}  // namespace qrun
