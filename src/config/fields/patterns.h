// Quantizers for whole networks: the top-level `quantize`, a map of patterns of layer names.
#pragma once

#include <string>
#include <vector>

#include "config/fields/layer.h"
#include "config/fields/quantize.h"

namespace qrun::config {

struct QuantPattern {
  std::string glob;
  BlobQuants quants;
};

/// What a blob of a layer follows: the matching pattern with the most literal characters, later before earlier; or
/// nullptr.
[[nodiscard]] const QuantPattern* find_pattern(const std::vector<QuantPattern>& patterns, const std::string& layer,
                                               Blob blob);

/// Reads the patterns of a document whose network was read, and gives each blob of which its layer says nothing the
/// quantizer of its pattern.
void apply_patterns(const Node& root, std::vector<LayerSpec>& network, Problems& problems);

/// A layer's own entry without a method was meant to change the quantizer that a pattern gives it, which has an address
/// of its own: reported, and broken.
void break_changes_of_patterns(Node& root, Problems& problems);

}  // namespace qrun::config
