#include "config/fields/patterns.h"

#include <algorithm>

#include "config/fields/layer_quants.h"
#include "config/yaml/names.h"

namespace qrun::config {
namespace {

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

std::vector<QuantPattern> read_patterns(const Value& value, const std::vector<LayerSpec>& network) {
  std::vector<QuantPattern> patterns;
  if (!value.node.is_map()) return value.fail_kind("a map of layer patterns is wanted"), patterns;
  std::vector<std::string> names;
  for (const LayerSpec& layer : network) names.push_back(layer.name);
  const bool all_named = !names.empty() && std::ranges::none_of(names, &std::string::empty);
  for (const Entry& entry : value.node.entries) {
    const Value quants = value.below(entry.key, entry.value);
    patterns.push_back({entry.key, read_quants(quants)});
    const auto is_match = [&](const std::string& name) { return matches(entry.key, name); };
    if (all_named && std::ranges::none_of(names, is_match))
      value.problems.add(entry.key_at, quants.address(), "matches no layer; " + suggest(entry.key, names));
  }
  return patterns;
}

/// True where the entry of a layer in the list says how the blob is quantized.
bool says_itself(const Node* layers, std::size_t layer, Blob blob) {
  const bool has_entry = layers != nullptr && layer < layers->items.size();
  const Node* own = has_entry ? layers->items[layer].find("quantize") : nullptr;
  return own != nullptr && names_blob(*own, blob);
}

}  // namespace

const QuantPattern* find_pattern(const std::vector<QuantPattern>& patterns, const std::string& layer, Blob blob) {
  const QuantPattern* best = nullptr;
  for (const QuantPattern& pattern : patterns) {
    if (!pattern.quants[static_cast<std::size_t>(blob)] || !matches(pattern.glob, layer)) continue;
    if (best == nullptr || literal_characters(pattern.glob) >= literal_characters(best->glob)) best = &pattern;
  }
  return best;
}

void apply_patterns(const Node& root, std::vector<LayerSpec>& network, Problems& problems) {
  const Node* given = root.find("quantize");
  if (given == nullptr || given->is_null()) return;
  const std::vector<QuantPattern> patterns = read_patterns({*given, problems, "quantize"}, network);
  for (std::size_t i = 0; i < network.size(); ++i) {
    for (const Blob blob : blobs_of(network[i])) {
      if (!is_reached_by_patterns(network[i], blob) || says_itself(root.find("network"), i, blob)) continue;
      const QuantPattern* pattern = find_pattern(patterns, network[i].name, blob);
      if (pattern != nullptr) quant_of(network[i], blob) = pattern->quants[static_cast<std::size_t>(blob)].value();
    }
  }
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
