// What of a layer is quantized, and its own entry that says how.
#pragma once

#include <vector>

#include "config/fields/layer.h"

namespace qrun::config {

/// What of the layer can be quantized.
[[nodiscard]] std::vector<Blob> blobs_of(const LayerSpec& layer);
/// True where a pattern may quantize the blob: weights and biases of products, so that `*` never rounds a batch norm.
[[nodiscard]] bool is_reached_by_patterns(const LayerSpec& layer, Blob blob);
[[nodiscard]] const QuantSettings& quant_of(const LayerSpec& layer, Blob blob);
[[nodiscard]] QuantSettings& quant_of(LayerSpec& layer, Blob blob);

void read_own_quants(LayerSpec& layer, const Value& value);
void write_own_quants(const LayerSpec& layer, const Writing& to);
[[nodiscard]] Node ref_to_quants();

}  // namespace qrun::config
