#include "store/network_json.h"

#include <map>
#include <nlohmann/json.hpp>

#include "config/fields/layer_quants.h"
#include "plan/costs.h"
#include "quant/all.h"

namespace qrun {
namespace {

using Json = nlohmann::ordered_json;

Json shape_json(const Shape& shape) { return Json::array({shape.c, shape.h, shape.w}); }

void add_costs(Json& json, const LayerCost& cost) {
  json["parameters"] = cost.parameters;
  json["macs"] = cost.macs;
  json["bit_operations"] = cost.bit_operations;
  json["model_bits_float"] = cost.bits_float;
  json["model_bits"] = cost.bits_quantized;
}

/// Returns a layer's parameters by name, booleans as 0 and 1, names of choices as text.
Json params_json(const LayerSpec& layer) {
  std::map<std::string, Json> params;
  for (const auto& [name, text] : config::parameter_texts(layer)) {
    const Json value = Json::parse(text, nullptr, false);
    params[name] = value.is_discarded() ? Json(text) : value.is_boolean() ? Json(value.get<bool>() ? 1 : 0) : value;
  }
  return params;
}

/// Returns the bits of one value of each blob and of the output, 32 where they are not quantized.
Json bits_json(const LayerSpec& layer) {
  Json bits = Json::object();
  for (const config::Blob blob : config::blobs_of(layer))
    bits[config::kBlobNames[static_cast<std::size_t>(blob)]] = code_bits(config::quant_of(layer, blob));
  return bits;
}

/// Of the same; so are the codes of every method, and floats.
Json signed_json(const LayerSpec& layer) {
  Json is_signed = Json::object();
  for (const config::Blob blob : config::blobs_of(layer))
    is_signed[config::kBlobNames[static_cast<std::size_t>(blob)]] = 1;
  return is_signed;
}

Json layer_json(const LayerSpec& layer, const LayerCost& cost) {
  Json json{{"name", layer.name}, {"type", layer.type()}, {"input", layer.input}, {"params", params_json(layer)}};
  json["input_shape"] = shape_json(cost.in);
  json["output_shape"] = shape_json(cost.out);
  json["bits"] = bits_json(layer);
  json["signed"] = signed_json(layer);
  add_costs(json, cost);
  return json;
}

void add_to(LayerCost& total, const LayerCost& cost) {
  total.parameters += cost.parameters;
  total.macs += cost.macs;
  total.bit_operations += cost.bit_operations;
  total.bits_float += cost.bits_float;
  total.bits_quantized += cost.bits_quantized;
}

}  // namespace

std::string network_json(const RunSpec& spec, const Shape& input) {
  const std::vector<LayerCost> costs = network_costs(spec, input);
  Json json{{"input_shape", shape_json(input)}, {"layers", Json::array()}};
  LayerCost total;
  for (std::size_t i = 0; i < costs.size(); ++i) {
    json["layers"].push_back(layer_json(spec.network[i], costs[i]));
    add_to(total, costs[i]);
  }
  add_costs(json, total);
  return json.dump(1);
}

std::int64_t network_total(const std::string& json, const char* key) {
  const nlohmann::json network = nlohmann::json::parse(json, nullptr, false);
  return network.contains(key) && network[key].is_number_integer() ? network[key].get<std::int64_t>() : 0;
}

}  // namespace qrun
