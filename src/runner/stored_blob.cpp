#include "runner/stored_blob.h"

#include <algorithm>

#include "math/batch_norm.h"

namespace qrun {

const StoredBlob* find_stored(const RunRecord& record, const Blob& blob) {
  const auto at = std::ranges::find(record.weights, blob.address(), &StoredBlob::address);
  return at == record.weights.end() || at->dims != blob.dims ? nullptr : &*at;
}

namespace {

/// Sums of a batch norm in a state, by its role.
template <class State>
auto& sums_of(State& state, const Plan& plan, const std::string& layer, BlobRole role) {
  const auto at =
      std::ranges::find_if(plan.statistics, [&](const Blob& blob) { return blob.layer == layer && blob.role == role; });
  return state.statistics.at(static_cast<std::size_t>(at - plan.statistics.begin()));
}

std::vector<std::string> batch_norms(const Plan& plan) {
  std::vector<std::string> layers;
  for (const Blob& blob : plan.statistics) {
    if (blob.role == BlobRole::kCount) layers.push_back(blob.layer);
  }
  return layers;
}

}  // namespace

std::vector<StoredStatistics> stored_statistics(const Plan& plan, const TrainingState& state) {
  std::vector<StoredStatistics> stored;
  for (const std::string& layer : batch_norms(plan)) {
    const std::vector<double>& mean = sums_of(state, plan, layer, BlobRole::kMean);
    const std::vector<double>& variance = sums_of(state, plan, layer, BlobRole::kVariance);
    StoredStatistics& one = stored.emplace_back();
    one.layer = layer;
    one.count = sums_of(state, plan, layer, BlobRole::kCount).at(0);
    for (std::size_t c = 0; c < mean.size(); ++c) {
      const MeanVariance running = running_mean_variance(mean[c], variance[c], one.count);
      one.mean.push_back(static_cast<float>(running.mean));
      one.variance.push_back(static_cast<float>(running.variance));
    }
  }
  return stored;
}

std::vector<std::string> restore_statistics(const RunRecord& record, const Plan& plan, TrainingState& state) {
  std::vector<std::string> missing;
  for (const std::string& layer : batch_norms(plan)) {
    std::vector<double>& mean = sums_of(state, plan, layer, BlobRole::kMean);
    std::vector<double>& variance = sums_of(state, plan, layer, BlobRole::kVariance);
    const auto stored = std::ranges::find(record.statistics, layer, &StoredStatistics::layer);
    if (stored == record.statistics.end() || stored->mean.size() != mean.size()) {
      missing.push_back(layer);
      continue;
    }
    for (std::size_t c = 0; c < mean.size(); ++c) {
      mean[c] = static_cast<double>(stored->mean[c]) * stored->count;
      variance[c] = static_cast<double>(stored->variance[c]) * stored->count;
    }
    sums_of(state, plan, layer, BlobRole::kCount).at(0) = stored->count;
  }
  return missing;
}

}  // namespace qrun
