#include "config/fields/network.h"

#include <algorithm>
#include <optional>

#include "config/fields/layer.h"
#include "config/fields/layer_types.h"
#include "config/yaml/names.h"

namespace qrun::config {
namespace {

Node schema_of_layers() {
  std::vector<Node> types;
  for (const LayerType& type : layer_types()) {
    LayerSpec layer;
    BlobQuants own;
    Node schema = schema_of(layer_fields(layer, type, own));
    *schema.find("properties")->find("type") = or_variable(map_node({{"const", text_node(type.name)}}));
    schema.add("required", list_node({text_node("name"), text_node("type")}));
    for (const LayerParameter& parameter : type.parameters) {
      if (parameter.required) schema.find("required")->items.push_back(text_node(parameter.name));
    }
    types.push_back(std::move(schema));
  }
  return map_node({{"type", text_node("array")}, {"items", or_variable(schema_any_of(std::move(types)))}});
}

void read_network(const Value& value, NetworkDraft& draft) {
  if (!value.node.is_list()) return value.fail_kind("a list of layers is wanted");
  if (value.node.items.empty()) return value.fail("is an empty list; give at least one layer");
  const std::size_t count = value.node.items.size();
  draft.layers.resize(count);
  draft.own.resize(count);
  for (std::size_t i = 0; i < count; ++i) read_layer(value.item(i), draft.layers[i], draft.own[i]);
  connect_layers(value, draft.layers);
}

void read_patterns(const Value& value, NetworkDraft& draft) {
  if (!value.node.is_map()) return value.fail_kind("a map of layer patterns is wanted");
  std::vector<std::string> names;
  for (const LayerSpec& layer : draft.layers) names.push_back(layer.name);
  const bool all_named = !names.empty() && std::ranges::none_of(names, &std::string::empty);
  for (const Entry& entry : value.node.entries) {
    const std::string address = key_address(value.address, entry.key);
    draft.patterns.push_back({entry.key, read_quants({entry.value, address, value.problems})});
    const auto is_match = [&](const std::string& name) { return matches(entry.key, name); };
    if (all_named && std::ranges::none_of(names, is_match)) {
      value.problems.add(entry.key_at, address, "matches no layer; " + suggest(entry.key, names));
    }
  }
}

}  // namespace

Field network_field(NetworkDraft& draft) {
  Field field;
  field.name = "network";
  field.about = "the layers, each taking the one before it unless `input` says otherwise";
  field.read = [&draft](const Value& value) { read_network(value, draft); };
  field.write = [&draft] {
    std::vector<Node> layers;
    for (LayerSpec& layer : draft.layers) {
      BlobQuants own;
      layers.push_back(write_fields(layer_fields(layer, *find_layer_type(layer.type), own)));
    }
    return list_node(std::move(layers));
  };
  field.schema = schema_of_layers;
  return required(std::move(field));
}

Field patterns_field(NetworkDraft& draft) {
  Field field;
  field.name = "quantize";
  field.about = "layer-name pattern -> quantizers, for blobs whose layer says nothing";
  field.nullable = true;
  field.read = [&draft](const Value& value) { read_patterns(value, draft); };
  field.schema = [] {
    return map_node({{"type", text_node("object")}, {"additionalProperties", schema_ref("quantizers")}});
  };
  return field;
}

void apply_quantizers(NetworkDraft& draft) {
  for (std::size_t i = 0; i < draft.layers.size(); ++i) {
    for (const Blob blob : blobs_of(draft.layers[i])) {
      const std::optional<QuantSettings>& own = draft.own[i][static_cast<std::size_t>(blob)];
      const QuantPattern* pattern = own ? nullptr : find_pattern(draft.patterns, draft.layers[i].name, blob);
      if (own) quant_of(draft.layers[i], blob) = *own;
      if (pattern != nullptr) quant_of(draft.layers[i], blob) = pattern->quants[static_cast<std::size_t>(blob)].value();
    }
  }
}

}  // namespace qrun::config
