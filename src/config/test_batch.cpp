#include "config/test_batch.h"

#include <algorithm>
#include <set>

#include "quant/all.h"

namespace qrun::config {
namespace {

/// True where testing, too, fits the quantizer to each batch.
bool is_fitted_to_the_batch(const LayerSpec& layer) {
  const QuantSettings& quantizer = layer.activation_quant;
  if (quantizer.method == kNoQuantizer) return false;
  return !AllQuantizers::kInfos[quantizer.method].has_range || quantizer.range == Range::kBatch;
}

const LayerSpec* find_fitted(const std::vector<RunSpec>& runs) {
  for (const RunSpec& run : runs) {
    const auto layer = std::ranges::find_if(run.network, is_fitted_to_the_batch);
    if (layer != run.network.end()) return &*layer;
  }
  return nullptr;
}

}  // namespace

std::string test_batch_warning(const std::vector<RunSpec>& runs) {
  std::set<std::int64_t> sizes;
  for (const RunSpec& run : runs) sizes.insert(run.data.test.batch_size);
  const LayerSpec* layer = sizes.size() > 1 ? find_fitted(runs) : nullptr;
  if (layer == nullptr) return "";
  const bool has_range = AllQuantizers::kInfos[layer->activation_quant.method].has_range;
  return mistake_line(
      layer->position, "network." + layer->name + ".quantize.activation",
      std::string("takes its range from each batch, in testing, too") + (has_range ? " (range: batch)" : "") +
          ", so that accuracies of runs with another data.test.batch_size do not compare; keep one size" +
          (has_range ? ", or use range: ema" : ""));
}

}  // namespace qrun::config
