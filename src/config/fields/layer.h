// One layer of a configuration, from its row in the table of layer types.
#pragma once

#include <vector>

#include "config/fields/fields.h"
#include "config/fields/layer_types.h"
#include "config/fields/quantize.h"
#include "config/run_spec.h"

namespace qrun::config {

inline constexpr const char* kImages = "data";  // the input that is no layer

/// In the order of the canonical text. `own` gets the layer's quantizers; `layer` and `own` outlive the fields.
[[nodiscard]] Fields layer_fields(LayerSpec& layer, const LayerType& type, BlobQuants& own);

/// Reads a layer and sets its defaults, all but `input`.
void read_layer(const Value& value, LayerSpec& layer, BlobQuants& own);

/// What of the layer can be quantized.
[[nodiscard]] std::vector<Blob> blobs_of(const LayerSpec& layer);

/// Resolves `input` and checks how the layers of a list hang together: names, inputs, and that each leads to the last.
void connect_layers(const Value& list, std::vector<LayerSpec>& layers);

}  // namespace qrun::config
