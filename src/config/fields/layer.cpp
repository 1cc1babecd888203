#include "config/fields/layer.h"

#include <algorithm>
#include <optional>

#include "config/yaml/names.h"
#include "config/yaml/scalars.h"

namespace qrun::config {
namespace {

const Names& type_names() {
  static const Names kNames = [] {
    Names names;
    for (const LayerType& type : layer_types()) names.emplace_back(type.name);
    return names;
  }();
  return kNames;
}

Field name_field(LayerSpec& layer) {
  Field field = text("name", "letters, digits, _ and -; unique", layer.name);
  field.read = [&layer](const Value& value) {
    const std::optional<std::string> read = read_text(value);
    if (!read) return;
    layer.name = *read;
    if (!is_name(*read, "")) {
      value.fail(*read + " is not a name; use up to 100 letters, digits, _ and -");
    } else if (*read == kImages) {
      value.fail("data is the name of the images; choose another");
    }
  };
  return required(std::move(field));
}

Field type_field(LayerSpec& layer) {
  return required(choice(
      "type", "what the layer computes", type_names(),
      [&layer] { return static_cast<std::size_t>(find_layer_type(layer.type) - layer_types().data()); },
      [&layer](std::size_t index) { layer.type = layer_types()[index].name; }));
}

/// Every type of layer takes one input so far.
Field input_field(LayerSpec& layer) {
  Field field;
  field.name = "input";
  field.about = "the layer, or data, that this one takes; default: the one before";
  field.read = [&layer](const Value& value) {
    const bool is_list = value.node.is_list();
    if (is_list && value.node.items.size() != 1) {
      return value.fail(layer.type + " takes one input, not " + std::to_string(value.node.items.size()) +
                        "; name one layer");
    }
    if (const auto name = read_text(is_list ? value.item(0) : value)) layer.input = {*name};
  };
  field.write = [&layer] {
    std::vector<Node> names;
    for (const std::string& name : layer.input) names.push_back(text_node(name));
    return list_node(std::move(names));
  };
  field.schema = [] {
    const Node name = map_node({{"type", text_node("string")}});
    return schema_any_of({name, map_node({{"type", text_node("array")}, {"items", name}})});
  };
  return field;
}

Field parameter_field(LayerSpec& layer, const LayerParameter& parameter) {
  Field field;
  field.name = parameter.name;
  field.about = parameter.about;
  const IntRange range{static_cast<std::uint64_t>(parameter.min), static_cast<std::uint64_t>(parameter.max)};
  std::int64_t& target = layer.params[parameter.name];
  if (parameter.is_bool) {
    field.read = [&target](const Value& value) {
      if (const auto read = read_boolean(value)) target = *read ? 1 : 0;
    };
    field.write = [&target] { return plain_node(target != 0 ? "true" : "false"); };
    field.schema = [] { return map_node({{"type", text_node("boolean")}}); };
    return field;
  }
  field.read = [&target, range](const Value& value) {
    if (const auto read = read_integer(value, range)) target = static_cast<std::int64_t>(*read);
  };
  field.write = [&target] { return plain_node(std::to_string(target)); };
  field.schema = [range] { return schema_of_integer(range); };
  return parameter.required ? required(std::move(field)) : field;
}

Fields init_fields(std::optional<double>& gaussian, std::optional<double>& constant) {
  const auto one = [](const char* name, const char* about, std::optional<double>& target, NumberRange range) {
    Field field;
    field.name = name;
    field.about = about;
    field.nullable = true;
    field.read = [&target, range](const Value& value) { target = read_number(value, range).value_or(0.0); };
    field.schema = [range] { return schema_of_number(range); };
    return field;
  };
  return list_of(one("gaussian", "standard deviation", gaussian, kNotNegative),
                 one("constant", "value of every weight", constant, kAnyNumber));
}

void read_init(const Value& value, InitSpec& init) {
  const std::string wanted = "xavier, he, {gaussian: deviation} or {constant: value}";
  if (value.node.is_scalar() && (value.node.scalar == "xavier" || value.node.scalar == "he")) {
    init = {value.node.scalar == "he" ? InitType::kHe : InitType::kXavier, 0};
  } else if (value.node.is_scalar()) {
    value.fail(value.node.scalar + " is not known; " + wanted);
  } else if (!value.node.is_map()) {
    value.fail_kind(wanted + " is wanted");
  } else {
    std::optional<double> gaussian;
    std::optional<double> constant;
    read_fields(value, init_fields(gaussian, constant));
    const bool is_given = !std::ranges::all_of(value.node.entries, [](const Entry& e) { return e.value.is_null(); });
    if (!is_given) value.fail("is not one of the two; " + wanted);
    if (gaussian && constant) value.fail("gives both gaussian and constant; keep one, or set the other to null");
    init = gaussian ? InitSpec{InitType::kGaussian, *gaussian} : InitSpec{InitType::kConstant, constant.value_or(0)};
  }
}

Node write_init(const InitSpec& init) {
  if (init.type == InitType::kXavier) return text_node("xavier");
  if (init.type == InitType::kHe) return text_node("he");
  const char* const key = init.type == InitType::kGaussian ? "gaussian" : "constant";
  return map_node({{key, plain_node(format_number(init.value))}});
}

Field init_field(LayerSpec& layer) {
  Field field;
  field.name = "init";
  field.about = "how the weights start; default: xavier";
  field.read = [&layer](const Value& value) { read_init(value, layer.init); };
  field.write = [&layer] { return write_init(layer.init); };
  field.schema = [] {
    std::optional<double> gaussian;
    std::optional<double> constant;
    return schema_any_of({schema_of_choice({"xavier", "he"}), schema_of(init_fields(gaussian, constant))});
  };
  return field;
}

Fields multiplier_fields(ParamSpec& blob) {
  return list_of(number("lr_mult", "factor on the learning rate", blob.lr_mult, kNotNegative),
                 number("decay_mult", "factor on the weight decay", blob.decay_mult, kNotNegative));
}

/// `bias` says whether there is one, or gives its multipliers.
Field bias_field(LayerSpec& layer, const LayerParameter& parameter) {
  Field field = parameter_field(layer, parameter);
  field.read = [&layer, boolean = std::move(field.read)](const Value& value) {
    if (value.node.is_map()) {
      read_fields(value, multiplier_fields(layer.bias));
    } else {
      boolean(value);
    }
  };
  field.write = [&layer, boolean = std::move(field.write)] {
    return layer.param("bias") != 0 ? write_fields(multiplier_fields(layer.bias)) : boolean();
  };
  field.schema = [boolean = std::move(field.schema)] {
    ParamSpec blob;
    return schema_any_of({boolean(), schema_of(multiplier_fields(blob))});
  };
  return field;
}

bool has_blob(const LayerSpec& layer, Blob blob) {
  const std::vector<Blob> blobs = blobs_of(layer);
  return std::ranges::find(blobs, blob) != blobs.end();
}

/// Quantizing what the layer hasn't got is a mistake here, unlike in a pattern.
void read_own_quants(const Value& value, const LayerSpec& layer, BlobQuants& own) {
  own = read_quants(value);
  for (std::size_t i = 0; i < kBlobs; ++i) {
    if (!own[i] || own[i]->method == kNoQuantizer || has_blob(layer, static_cast<Blob>(i))) continue;
    const std::string blob = kBlobNames[i];
    const Value entry{*value.node.find(blob), key_address(value.address, blob), value.problems};
    entry.fail(layer.name + " has no " + blob + "; remove the quantizer");
  }
}

void set_defaults(LayerSpec& layer, const LayerType& type, const Node& node) {
  for (const LayerParameter& parameter : type.parameters) {
    if (node.find(parameter.name) != nullptr) continue;
    if (parameter.fallback_from != nullptr) layer.params[parameter.name] = layer.params.at(parameter.fallback_from);
  }
}

}  // namespace

std::vector<Blob> blobs_of(const LayerSpec& layer) {
  const LayerType* type = find_layer_type(layer.type);
  std::vector<Blob> blobs;
  if (type != nullptr && type->has_parameters) blobs.push_back(Blob::kWeight);
  const auto bias = layer.params.find("bias");
  if (bias != layer.params.end() && bias->second != 0) blobs.push_back(Blob::kBias);
  blobs.push_back(Blob::kActivation);
  return blobs;
}

Fields layer_fields(LayerSpec& layer, const LayerType& type, BlobQuants& own) {
  Fields fields = list_of(name_field(layer), type_field(layer), input_field(layer));
  fields.reserve(fields.size() + type.parameters.size() + 3);
  const LayerParameter* bias = nullptr;
  for (const LayerParameter& parameter : type.parameters) {
    if (parameter.name == std::string_view("bias")) {
      bias = &parameter;
    } else {
      fields.push_back(parameter_field(layer, parameter));
    }
  }
  if (type.has_parameters) {
    fields.push_back(init_field(layer));
    fields.push_back(section("weight", "multipliers of the weight", multiplier_fields(layer.weight)));
    if (bias != nullptr) fields.push_back(bias_field(layer, *bias));
  }
  Field quantize;
  quantize.name = "quantize";
  quantize.about = "how weight, bias and activation (the output) are quantized";
  quantize.read = [&layer, &own](const Value& value) { read_own_quants(value, layer, own); };
  quantize.write = [&layer] { return write_quants(layer, blobs_of(layer)); };
  quantize.schema = [] { return schema_ref("quantizers"); };
  fields.push_back(std::move(quantize));
  return fields;
}

void read_layer(const Value& value, LayerSpec& layer, BlobQuants& own) {
  layer.position = value.node.at;
  if (!value.node.is_map()) return value.fail_kind("a map with name and type is wanted");
  const Node* given = value.node.find("type");
  const LayerType* type = given != nullptr && given->is_scalar() ? find_layer_type(given->scalar) : nullptr;
  if (type == nullptr) {  // the keys can't be judged
    for (const Field& field : {name_field(layer), type_field(layer)}) {
      const Node* found = value.node.find(field.name);
      const std::string address = key_address(value.address, field.name);
      if (found != nullptr) {
        field.read({*found, address, value.problems});
      } else {
        value.problems.add(value.node, address, std::string("is missing; ").append(field.about));
      }
    }
    return;
  }
  layer.type = type->name;
  for (const LayerParameter& parameter : type->parameters) layer.params[parameter.name] = parameter.fallback;
  read_fields(value, layer_fields(layer, *type, own));
  set_defaults(layer, *type, value.node);
}

}  // namespace qrun::config
