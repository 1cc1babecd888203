#include "config/fields/quantize.h"

#include <algorithm>

#include "config/yaml/names.h"
#include "config/yaml/scalars.h"
#include "quant/all.h"

namespace qrun::config {
namespace {

constexpr const char* kNoneName = "none";
const Names kGradients = {"ste", "ste_clipped"};
const Names kLambdas = {"original", "paper", "optimal"};

/// Names and aliases of all methods, then none.
const Names& method_names() {
  static const Names kNames = [] {
    Names names;
    for (const QuantInfo& info : AllQuantizers::kInfos) names.emplace_back(info.name);
    for (const QuantInfo& info : AllQuantizers::kInfos) {
      if (info.alias != nullptr) names.emplace_back(info.alias);
    }
    names.emplace_back(kNoneName);
    return names;
  }();
  return kNames;
}

/// Methods for which an option is meant, as text.
std::string owners(bool QuantInfo::*option) {
  std::vector<std::string> names;
  for (const QuantInfo& info : AllQuantizers::kInfos) {
    if (info.*option) names.emplace_back(info.name);
  }
  return join(names);
}

bool is_none(const QuantSettings& settings) { return settings.method == kNoQuantizer; }
const QuantInfo& info_of(const QuantSettings& settings) { return AllQuantizers::kInfos[settings.method]; }

Field method_field(QuantSettings& settings) {
  Field field = choice(
      "method", "how values become codes", method_names(), [] { return std::size_t{0}; },
      [&settings](std::size_t index) { settings.method = AllQuantizers::find(method_names()[index]); });
  field.write = [&settings] { return text_node(method_name(settings.method)); };
  return required(std::move(field));
}

void read_bits(const Value& value, QuantSettings& settings) {
  if (is_none(settings)) return;
  const QuantInfo& info = info_of(settings);
  const std::string whose = std::string(" for ") + info.name;
  const IntRange range{static_cast<std::uint64_t>(info.min_bits), static_cast<std::uint64_t>(info.max_bits)};
  if (const auto bits = read_integer(value, range, whose)) settings.bits = static_cast<int>(*bits);
}

Field bits_field(QuantSettings& settings) {
  int min = AllQuantizers::kInfos[0].min_bits;
  int max = AllQuantizers::kInfos[0].max_bits;
  for (const QuantInfo& info : AllQuantizers::kInfos) {
    min = std::min(min, info.min_bits);
    max = std::max(max, info.max_bits);
  }
  Field field;
  field.name = "bits";
  field.about = "width of a code";
  field.required = [&settings] { return !is_none(settings) && info_of(settings).fixed_bits == 0; };
  field.read = [&settings](const Value& value) { read_bits(value, settings); };
  field.write = [&settings] { return plain_node(std::to_string(settings.bits)); };
  field.schema = [min, max] {
    return schema_of_integer({static_cast<std::uint64_t>(min), static_cast<std::uint64_t>(max)});
  };
  return field;
}

Field per_channel_field(QuantSettings& settings, Blob blob) {
  Field field = boolean("per_channel", "each output channel by itself (weights only)", settings.per_channel);
  field.read = [&settings, blob](const Value& value) {
    const std::optional<bool> read = read_boolean(value);
    if (read && *read && blob != Blob::kWeight) return value.fail("true is for weights only; false");
    if (read) settings.per_channel = *read;
  };
  if (blob != Blob::kWeight) field.write = nullptr;
  return field;
}

/// Refused where the method has no such option. With `none` everything is let through, for sweeps over methods.
Field only_with(bool QuantInfo::*option, const QuantSettings& settings, Field field) {
  return refused_if(
      [option, &settings]() -> std::string {
        if (is_none(settings) || info_of(settings).*option) return "";
        return std::string("does not belong to ") + info_of(settings).name + "; it is for " + owners(option);
      },
      std::move(field));
}

void read_range(const Value& value, QuantSettings& settings, Blob blob) {
  const std::string wanted =
      blob == Blob::kActivation ? "batch, ema or a positive number" : "batch or a positive number";
  if (!value.node.is_scalar()) return value.fail_kind(wanted);
  const std::string& text = value.node.scalar;
  const double number = value.node.quoted ? 0 : parse_number(text).value_or(0);
  if (text == "batch") {
    settings.range = Range::kBatch;
  } else if (text == "ema" && blob == Blob::kActivation) {
    settings.range = Range::kEma;
  } else if (text == "ema") {
    value.fail("ema is for activations; " + wanted);
  } else if (number > 0) {
    settings.range = Range::kFixed;
    settings.range_value = number;
  } else {
    value.fail(text + " is not a range; " + wanted);
  }
}

Field range_field(QuantSettings& settings, Blob blob) {
  Field field;
  field.name = "range";
  field.about = "largest magnitude that is kept: of the batch, its moving average, or a number";
  field.read = [&settings, blob](const Value& value) { read_range(value, settings, blob); };
  field.write = [&settings] {
    if (settings.range == Range::kFixed) return plain_node(format_number(settings.range_value));
    return text_node(settings.range == Range::kEma ? "ema" : "batch");
  };
  field.schema = [] { return schema_any_of({schema_of_choice({"batch", "ema"}), schema_of_number(kPositive)}); };
  return field;
}

Field ema_momentum_field(QuantSettings& settings) {
  Field field = number("ema_momentum", "share of the old average", settings.ema_momentum, kBelowOne);
  field = only_with(&QuantInfo::has_range, settings, std::move(field));
  field.refusal = [&settings, refusal = std::move(field.refusal)]() -> std::string {
    if (std::string text = refusal(); !text.empty()) return text;
    return is_none(settings) || settings.range == Range::kEma ? "" : "is for range: ema; leave it out";
  };
  return field;
}

Fields quant_fields(QuantSettings& settings, Blob blob) {
  return list_of(
      method_field(settings), bits_field(settings), per_channel_field(settings, blob),
      choice("gradient", "what passes back through the rounding", kGradients, settings.gradient),
      only_with(&QuantInfo::has_lambda, settings, choice("lambda", "table of steps", kLambdas, settings.lambda)),
      only_with(&QuantInfo::has_range, settings, range_field(settings, blob)), ema_momentum_field(settings));
}

bool says_none(const Node& node) { return node.is_scalar() && node.scalar == kNoneName; }

QuantSettings read_quant(const Value& value, Blob blob) {
  if (says_none(value.node)) return {};
  QuantSettings settings;
  if (!value.node.is_map()) {
    value.fail_kind("{method: ulq, bits: 2} or none is wanted");
    return settings;
  }
  read_fields(value, quant_fields(settings, blob));
  if (is_none(settings)) return {};
  if (info_of(settings).fixed_bits != 0) settings.bits = info_of(settings).fixed_bits;
  return settings;
}

Fields blob_fields(BlobQuants& quants) {
  Fields fields;
  for (std::size_t i = 0; i < kBlobs; ++i) {
    Field field;
    field.name = kBlobNames[i];
    field.read = [&quants, i](const Value& value) { quants[i] = read_quant(value, static_cast<Blob>(i)); };
    field.schema = [i] {
      QuantSettings settings;
      return schema_any_of({schema_of_choice({kNoneName}), schema_of(quant_fields(settings, static_cast<Blob>(i)))});
    };
    fields.push_back(std::move(field));
  }
  return fields;
}

std::size_t literal_characters(const std::string& glob) {
  return static_cast<std::size_t>(std::ranges::count_if(glob, [](char c) { return c != '*' && c != '?'; }));
}

/// The patterns of a document, with whichever settings where they name a quantizer.
std::vector<QuantPattern> patterns_of(const Node& given) {
  std::vector<QuantPattern> patterns;
  for (const Entry& entry : given.entries) {
    patterns.push_back({entry.key, {}});
    for (std::size_t i = 0; i < kBlobs; ++i) {
      const Node* quantizer = entry.value.find(kBlobNames[i]);
      if (quantizer != nullptr && quantizer->is_map()) patterns.back().quants[i].emplace();
    }
  }
  return patterns;
}

}  // namespace

QuantSettings& quant_of(LayerSpec& layer, Blob blob) {
  switch (blob) {
    case Blob::kWeight: return layer.weight_quant;
    case Blob::kBias: return layer.bias_quant;
    case Blob::kActivation: break;
  }
  return layer.activation_quant;
}

BlobQuants read_quants(const Value& value) {
  if (says_none(value.node)) return {QuantSettings{}, QuantSettings{}, QuantSettings{}};
  BlobQuants quants;
  if (value.node.is_map()) {
    read_fields(value, blob_fields(quants));
  } else {
    value.fail_kind("a map of weight, bias, activation, or none, is wanted");
  }
  return quants;
}

Node write_quants(const LayerSpec& layer, const std::vector<Blob>& blobs) {
  LayerSpec copy = layer;
  Node map = map_node({});
  for (const Blob blob : blobs) {
    QuantSettings& settings = quant_of(copy, blob);
    Node node = is_none(settings) ? text_node(kNoneName) : write_fields(quant_fields(settings, blob));
    map.add(kBlobNames[static_cast<std::size_t>(blob)], std::move(node));
  }
  return map;
}

Node schema_of_quants() {
  BlobQuants quants;
  return schema_any_of({schema_of_choice({kNoneName}), schema_of(blob_fields(quants))});
}

const QuantPattern* find_pattern(const std::vector<QuantPattern>& patterns, const std::string& layer, Blob blob) {
  const QuantPattern* best = nullptr;
  for (const QuantPattern& pattern : patterns) {
    if (!pattern.quants[static_cast<std::size_t>(blob)] || !matches(pattern.glob, layer)) continue;
    if (best == nullptr || literal_characters(pattern.glob) >= literal_characters(best->glob)) best = &pattern;
  }
  return best;
}

void break_changes_of_patterns(Node& root, Problems& problems) {
  Node* network = root.find("network");
  const Node* given = root.find("quantize");
  if (network == nullptr || given == nullptr) return;
  const std::vector<QuantPattern> patterns = patterns_of(*given);
  for (Node& layer : network->items) {
    const Node* name = layer.find("name");
    Node* own = layer.find("quantize");
    for (std::size_t i = 0; name != nullptr && own != nullptr && i < kBlobs; ++i) {
      Node* quantizer = own->find(kBlobNames[i]);
      if (quantizer == nullptr || quantizer->entries.empty() || quantizer->find("method") != nullptr) continue;
      const QuantPattern* pattern = find_pattern(patterns, name->scalar, static_cast<Blob>(i));
      if (pattern == nullptr) continue;
      const std::string theirs = key_address(key_address("quantize", pattern->glob), kBlobNames[i]);
      problems.add(*quantizer, "network." + name->scalar + ".quantize." + kBlobNames[i],
                   "has no method; the quantizer that the layer has from a pattern is changed with " +
                       key_address(theirs, quantizer->entries[0].key));
      quantizer->kind = Node::Kind::kBroken;
    }
  }
}

}  // namespace qrun::config
