#include "store/network_json.h"

#include <nlohmann/json.hpp>

#include "plan/lower.h"

namespace qrun {
namespace {

nlohmann::ordered_json shape_json(const Shape& shape) { return {shape.c, shape.h, shape.w}; }

}  // namespace

std::string network_json(const RunSpec& spec, const Shape& input) {
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  LayerCost total;
  for (const LayerCost& cost : network_costs(spec, input)) {
    layers.push_back({{"name", cost.layer},
                      {"type", cost.type},
                      {"input_shape", shape_json(cost.in)},
                      {"output_shape", shape_json(cost.out)},
                      {"parameters", cost.parameters},
                      {"macs", cost.macs},
                      {"bit_operations", cost.bit_operations},
                      {"model_bits_float", cost.bits_float},
                      {"model_bits", cost.bits_quantized}});
    total.parameters += cost.parameters;
    total.macs += cost.macs;
    total.bit_operations += cost.bit_operations;
    total.bits_float += cost.bits_float;
    total.bits_quantized += cost.bits_quantized;
  }
  const nlohmann::ordered_json json{{"input_shape", shape_json(input)},       {"layers", layers},
                                    {"parameters", total.parameters},         {"macs", total.macs},
                                    {"bit_operations", total.bit_operations}, {"model_bits_float", total.bits_float},
                                    {"model_bits", total.bits_quantized}};
  return json.dump(1);
}

}  // namespace qrun
