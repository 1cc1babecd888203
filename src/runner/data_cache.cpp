#include "runner/data_cache.h"

#include <fmt/format.h>

namespace qrun {
namespace {

std::string key_of(const SourceSpec& source) {
  return fmt::format("{}\n{} {}", source.lmdb, source.synthetic_digits, source.data_seed);
}

}  // namespace

const RunData& DataCache::get(const DataSpec& spec) {
  const std::string key = fmt::format("{}\n{}\n{} {} {} {}", key_of(spec.train), key_of(spec.test), spec.crop, spec.pad,
                                      spec.mean.size(), spec.mirror);
  const std::lock_guard lock(mutex_);
  const auto at = opened_.find(key);
  return at != opened_.end() ? at->second : opened_.emplace(key, open_data(spec)).first->second;
}

}  // namespace qrun
