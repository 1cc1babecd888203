#include "config/fields/layer_quants.h"

#include <algorithm>

#include "config/table/schema.h"

namespace qrun::config {
namespace {

QuantSettings LayerSpec::*member_of(Blob blob) {
  switch (blob) {
    case Blob::kWeight: return &LayerSpec::weight_quant;
    case Blob::kBias: return &LayerSpec::bias_quant;
    case Blob::kActivation: break;
  }
  return &LayerSpec::activation_quant;
}

}  // namespace

std::vector<Blob> blobs_of(const LayerSpec& layer) {
  return std::visit(
      []<class Layer>(const Layer& own) {
        std::vector<Blob> blobs;
        if (has_weight(own)) blobs.push_back(Blob::kWeight);
        if (has_bias(own)) blobs.push_back(Blob::kBias);
        blobs.push_back(Blob::kActivation);
        return blobs;
      },
      layer.params);
}

bool is_reached_by_patterns(const LayerSpec& layer, Blob blob) {
  const bool is_product =
      std::holds_alternative<Conv2dLayer>(layer.params) || std::holds_alternative<LinearLayer>(layer.params);
  return blob == Blob::kActivation || is_product;
}

const QuantSettings& quant_of(const LayerSpec& layer, Blob blob) { return layer.*member_of(blob); }
QuantSettings& quant_of(LayerSpec& layer, Blob blob) { return layer.*member_of(blob); }

/// Quantizing what the layer hasn't got is a mistake here, unlike in a pattern.
void read_own_quants(LayerSpec& layer, const Value& value) {
  const std::vector<Blob> blobs = blobs_of(layer);
  const BlobQuants own = read_quants(value);
  for (std::size_t i = 0; i < kBlobs; ++i) {
    if (!own[i]) continue;
    const auto blob = static_cast<Blob>(i);
    quant_of(layer, blob) = *own[i];
    if (own[i]->method == kNoQuantizer || std::ranges::find(blobs, blob) != blobs.end()) continue;
    value.below(kBlobNames[i], *value.node.find(kBlobNames[i]))
        .fail(layer.name + " has no " + kBlobNames[i] + "; remove the quantizer");
  }
}

void write_own_quants(const LayerSpec& layer, const Writing& to) {
  to.sink.open(Sink::Collection::kMap);
  for (const Blob blob : blobs_of(layer)) {
    to.sink.key(kBlobNames[static_cast<std::size_t>(blob)]);
    write_quant(quant_of(layer, blob), blob, to);
  }
  to.sink.close();
}

Node ref_to_quants() { return schema_ref("quantizers"); }

}  // namespace qrun::config
