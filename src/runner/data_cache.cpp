#include "runner/data_cache.h"

#include <fmt/format.h>

#include "plan/pack_key.h"
#include "runner/pack.h"

namespace qrun {
namespace {

std::string key_of(const SourceSpec& source) {
  return fmt::format("{}\n{} {}", source.lmdb, source.synthetic_digits, source.data_seed);
}

/// Runs of one key read the same masters.
std::string start_key(const RunSpec& run) {
  std::string key = fmt::format("{} {}", run.train.init_from, pack_key(run));
  for (const LayerSpec& layer : run.network) key += "\n" + layer.name;
  return key;
}

}  // namespace

const RunData& DataCache::get(const DataSpec& spec) {
  const std::string key = fmt::format("{}\n{}\n{} {} {} {}\n{} {}", key_of(spec.train), key_of(spec.test), spec.crop,
                                      spec.pad, spec.mean.size(), spec.mirror, spec.mean_file, spec.mean_of_train);
  const Lock lock(mutex_);
  const auto at = opened_.find(key);
  return at != opened_.end() ? at->second : opened_.emplace(key, open_data(spec)).first->second;
}

DataRecord DataCache::record(const RunSpec& run, bool draw) {
  const RunData& data = get(run.data);
  DataRecord record = record_of(run.data, data, draw);
  if (run.train.init_from.empty()) return record;
  const Lock lock(mutex_);
  const auto [at, is_new] = initial_.try_emplace(start_key(run));
  if (is_new) at->second = initial_hash(run, {data.shape, data.train->items()});
  record.init_from_hash = at->second;
  return record;
}

}  // namespace qrun
