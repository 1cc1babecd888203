#include "config/fields/layer.h"

#include <algorithm>
#include <optional>

#include "config/fields/graph.h"
#include "config/fields/init.h"
#include "config/fields/layer_quants.h"
#include "config/yaml/emit.h"
#include "config/yaml/names.h"

namespace qrun {
namespace config {
namespace {

void read_name(LayerSpec& layer, const Value& value) {
  const std::optional<std::string> read = read_text(value);
  if (!read) return;
  layer.name = *read;
  if (!is_name(*read, "")) {
    value.fail(*read + " is not a name; use up to 100 letters, digits, _ and -");
  } else if (*read == kImages) {
    value.fail("data is the name of the images; choose another");
  }
}

constexpr const LayerParams* kAllTypes = nullptr;

template <class... Layers>
constexpr auto names_of(const std::variant<Layers...>* /*types*/) {
  return std::array{Layers::kType...};
}
constexpr auto kTypeNames = names_of(kAllTypes);

/// A type that is known was taken before its other keys could be read.
void read_type(LayerSpec& /*layer*/, const Value& value) { (void)read_choice(value, kTypeNames); }
void write_type(const LayerSpec& layer, const Writing& to) { to.sink.text(layer.type()); }
Node schema_of_type() { return schema_of_choice(kTypeNames); }

void read_input(LayerSpec& layer, const Value& value) {
  const bool is_list = value.node.is_list();
  const std::size_t count = is_list ? value.node.items.size() : 1;
  if (layer.takes_several() && count < 2) {
    return value.fail(std::string(layer.type()) + " takes two inputs or more, not " + std::to_string(count) +
                      "; name the layers in a list");
  }
  if (!layer.takes_several() && count != 1) {
    return value.fail(std::string(layer.type()) + " takes one input, not " + std::to_string(count) +
                      "; name one layer");
  }
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) {
    if (auto name = read_text(is_list ? value.item(i) : value)) names.push_back(std::move(*name));
  }
  if (names.size() == count) layer.input = std::move(names);
}

void write_input(const LayerSpec& layer, const Writing& to) {
  to.sink.open(Sink::Collection::kList);
  for (const std::string& name : layer.input) to.sink.text(name);
  to.sink.close();
}

Node schema_of_input() {
  const Node name = map_node({{"type", text_node("string")}});
  return schema_any_of({name, schema_of_list(name)});
}

constexpr auto kMultiplierFields =
    fields(number<&ParamSpec::lr_mult>("lr_mult", "factor on the learning rate", Role::kNumber, kNotNegative),
           number<&ParamSpec::decay_mult>("decay_mult", "factor on the weight decay", Role::kNumber, kNotNegative));

/// Of the weight: only products are known by their outputs.
InitOwner owner_of(const LayerSpec& layer) {
  if (const auto* conv = std::get_if<Conv2dLayer>(&layer.params)) return {true, conv->out_channels};
  if (const auto* linear = std::get_if<LinearLayer>(&layer.params)) return {true, linear->out_features};
  return {};
}

void read_weight_init(LayerSpec& layer, const Value& value) { read_init(value, owner_of(layer), layer.init); }
void write_weight_init(const LayerSpec& layer, const Writing& to) { write_init(init_of(layer, Blob::kWeight), to); }
void read_bias_init(LayerSpec& layer, const Value& value) { read_init(value, {}, layer.bias_init); }
void write_bias_init(const LayerSpec& layer, const Writing& to) { write_init(init_of(layer, Blob::kBias), to); }

template <Blob blob>
bool starts_by_its_type(const LayerSpec& layer) {
  LayerSpec same;
  same.params = layer.params;
  return init_of(layer, blob) == init_of(same, blob);
}

bool has_init(const LayerSpec& layer) { return layer.init.has_value(); }
std::string why_once(const LayerSpec& /*layer*/) { return "is given by the layer's own init, too; keep one of them"; }

constexpr auto weight_init(const char* about) {
  return field<LayerSpec>("init", about, Role::kNumber)
      .read_by<read_weight_init>()
      .written_by<write_weight_init>()
      .described_by<schema_of_init>()
      .nullable();
}

/// How the weight starts, below `weight`. Where the layer has an `init` of its own, that is where it is written.
template <class Layer>
constexpr auto kWeightInit = [] {
  if constexpr (kHasWeightStart<Layer>) {
    return fields(weight_init("how it starts").later_unless<starts_by_its_type<Blob::kWeight>>());
  } else {
    return fields(
        weight_init("how it starts; the layer's own init is the same").refused_if<has_init, why_once>().unwritten());
  }
}();
constexpr auto kBiasInit = fields(field<LayerSpec>("init", "how it starts; default: 0", Role::kNumber)
                                      .read_by<read_bias_init>()
                                      .written_by<write_bias_init>()
                                      .described_by<schema_of_init>()
                                      .nullable()
                                      .later_unless<starts_by_its_type<Blob::kBias>>());

Node schema_of_blob(Rows init) {
  std::vector<Row> rows(kMultiplierFields.rows.begin(), kMultiplierFields.rows.end());
  rows.insert(rows.end(), init.begin(), init.end());
  return schema_of(rows);
}

template <class Layer>
void read_weight(LayerSpec& layer, const Value& value) {
  read_parts(value, std::array{Part{kMultiplierFields.rows, &layer.weight}, Part{kWeightInit<Layer>.rows, &layer}});
}
template <class Layer>
void write_weight(const LayerSpec& layer, const Writing& to) {
  write_parts(std::array{ConstPart{kMultiplierFields.rows, &layer.weight}, ConstPart{kWeightInit<Layer>.rows, &layer}},
              to);
}
template <class Layer>
Node schema_of_weight() {
  return or_null(schema_of_blob(kWeightInit<Layer>.rows));
}

/// `bias` says whether there is one, or what holds of it.
template <class Layer>
void read_bias(LayerSpec& layer, const Value& value) {
  if (value.node.is_map()) {
    return read_parts(value, std::array{Part{kMultiplierFields.rows, &layer.bias}, Part{kBiasInit.rows, &layer}});
  }
  if (const auto read = read_boolean(value)) std::get<Layer>(layer.params).bias = *read;
}

template <class Layer>
void write_bias(const LayerSpec& layer, const Writing& to) {
  const bool is_added = std::get<Layer>(layer.params).bias;
  if (!is_added || !holds(to.roles, Role::kNumber)) return to.sink.boolean(is_added);
  write_parts(std::array{ConstPart{kMultiplierFields.rows, &layer.bias}, ConstPart{kBiasInit.rows, &layer}}, to);
}

Node schema_of_bias() {
  return schema_any_of({map_node({{"type", text_node("boolean")}}), schema_of_blob(kBiasInit.rows)});
}

// The keys that all types have stand around those of the type.
constexpr auto kFirstFields = fields(
    text<&LayerSpec::name>("name", "letters, digits, _ and -; unique", Role::kShape).read_by<read_name>().required(),
    field<LayerSpec>("type", "what the layer computes", Role::kShape)
        .read_by<read_type>()
        .written_by<write_type>()
        .described_by<schema_of_type>()
        .required(),
    field<LayerSpec>("input", "the layer, or data, that this one takes, or a list of several; default: the one before",
                     Role::kShape)
        .read_by<read_input>()
        .written_by<write_input>()
        .described_by<schema_of_input>());
constexpr auto kInitFields = fields(weight_init("how the weights start; default: xavier"));
constexpr auto kQuantizeFields =
    fields(field<LayerSpec>("quantize", "how weight, bias and activation (the output) are quantized", Role::kNumber)
               .read_by<read_own_quants>()
               .written_by<write_own_quants>()
               .described_by<ref_to_quants>());

template <class Layer>
constexpr auto kFieldsOf = Layer::table();

template <class Layer>
bool is_not_affine(const LayerSpec& layer) {
  return !has_weight(std::get<Layer>(layer.params));
}
std::string why_not_affine(const LayerSpec& /*layer*/) { return "affine: false leaves no weight; leave it out"; }

template <class Layer>
constexpr auto weight_fields() {
  const auto weight = field<LayerSpec>("weight", "multipliers of the weight, and how it starts", Role::kNumber)
                          .template read_by<read_weight<Layer>>()
                          .template written_by<write_weight<Layer>>()
                          .template described_by<schema_of_weight<Layer>>();
  if constexpr (kMayBeAffine<Layer>) {
    return fields(weight.template refused_if<is_not_affine<Layer>, why_not_affine>());
  } else if constexpr (kHasWeightStart<Layer>) {
    return fields(weight);
  } else {
    return kInitFields + fields(weight);
  }
}

/// The last field of a type's own table, with what else holds of a bias.
template <class Layer>
constexpr auto bias_fields() {
  const auto bias = field<LayerSpec>("bias", kFieldsOf<Layer>.rows.back().about, Role::kShape | Role::kNumber)
                        .template read_by<read_bias<Layer>>()
                        .template written_by<write_bias<Layer>>()
                        .template described_by<schema_of_bias>();
  if constexpr (kMayBeAffine<Layer>) {
    return fields(bias.template refused_if<is_not_affine<Layer>, why_not_affine>());
  } else {
    return fields(bias);
  }
}

template <class Layer>
constexpr auto kLastFields = [] {
  if constexpr (!Layer::kHasWeight) {
    return kQuantizeFields;
  } else if constexpr (!kHasBias<Layer>) {
    return weight_fields<Layer>() + kQuantizeFields;
  } else {
    return weight_fields<Layer>() + bias_fields<Layer>() + kQuantizeFields;
  }
}();

/// The rows of a type of layer, in the order of its keys: those of LayerSpec, of the type's struct, of LayerSpec.
struct LayerRows {
  Rows first, own, last;
};

template <class Layer>
constexpr LayerRows rows_of() {
  const Rows own = kFieldsOf<Layer>.rows;
  if constexpr (kHasBias<Layer>) static_assert(kFieldsOf<Layer>.rows.back().name == std::string_view("bias"));
  return {kFirstFields.rows, own.first(own.size() - (kHasBias<Layer> ? 1 : 0)), kLastFields<Layer>.rows};
}

template <class... Layers>
auto types_of(const std::variant<Layers...>* /*params*/) {
  return std::array{LayerType{Layers::kType, kFieldsOf<Layers>.rows, Layers{}, kTakesSeveral<Layers>}...};
}
template <class... Layers>
constexpr auto rows_of(const std::variant<Layers...>* /*params*/) {
  return std::array{rows_of<Layers>()...};
}

constexpr auto kTypeRows = rows_of(kAllTypes);

void* own_of(LayerSpec& layer) {
  return std::visit([](auto& own) -> void* { return &own; }, layer.params);
}
const void* own_of(const LayerSpec& layer) {
  return std::visit([](const auto& own) -> const void* { return &own; }, layer.params);
}

}  // namespace

void read_layer(const Value& value, LayerSpec& layer) {
  layer.position = value.node.at;
  if (!value.node.is_map()) return value.fail_kind("a map with name and type is wanted");
  const Node* given = value.node.find("type");
  const LayerType* type = given != nullptr && given->is_scalar() ? find_layer_type(given->scalar) : nullptr;
  if (type == nullptr) {  // the other keys can't be judged
    for (const Row& row : Rows(kFirstFields.rows).first(2)) read_required(value, row, &layer);
    return;
  }
  layer.params = type->defaults;
  const auto& [first, own, last] = kTypeRows[layer.params.index()];
  const std::array parts = {Part{first, &layer}, Part{own, own_of(layer)}, Part{last, &layer}};
  read_parts(value, parts);
}

void write_layer(const LayerSpec& layer, const Writing& to) {
  const auto& [first, own, last] = kTypeRows[layer.params.index()];
  const std::array parts = {ConstPart{first, &layer}, ConstPart{own, own_of(layer)}, ConstPart{last, &layer}};
  write_parts(parts, to);
}

std::vector<std::pair<std::string, std::string>> parameter_texts(const LayerSpec& layer) {
  TreeSink sink;
  const ConstPart own{layer_types()[layer.params.index()].rows, own_of(layer)};
  write_parts({&own, 1}, {sink});
  const Node parameters = sink.take();
  std::vector<std::pair<std::string, std::string>> texts;
  for (const Entry& entry : parameters.entries) texts.emplace_back(entry.key, emit_inline(entry.value));
  return texts;
}

std::vector<Node> schemas_of_layers() {
  std::vector<Node> schemas;
  for (const LayerType& type : layer_types()) {
    const auto& [first, own, last] = kTypeRows[type.defaults.index()];
    std::vector<Row> rows(first.begin(), first.end());
    rows.insert(rows.end(), own.begin(), own.end());
    rows.insert(rows.end(), last.begin(), last.end());
    Node schema = schema_of(rows);
    *schema.find("properties")->find("type") = or_variable(map_node({{"const", text_node(type.name)}}));
    std::vector<Node> required;
    for (const Row& row : rows) {
      if (row.is_required != nullptr) required.push_back(text_node(row.name));
    }
    schema.add("required", list_node(std::move(required)));
    schemas.push_back(std::move(schema));
  }
  return schemas;
}

}  // namespace config

std::span<const LayerType> layer_types() {
  static const auto kTypes = config::types_of(config::kAllTypes);
  return kTypes;
}

const LayerType* find_layer_type(std::string_view name) {
  const std::span<const LayerType> types = layer_types();
  const auto found = std::ranges::find_if(types, [&](const LayerType& type) { return name == type.name; });
  return found == types.end() ? nullptr : &*found;
}

}  // namespace qrun
