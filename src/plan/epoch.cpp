#include "plan/epoch.h"

#include <algorithm>

namespace qrun {

std::int64_t iterations_per_epoch(const RunSpec& spec, std::int64_t train_items) {
  const std::int64_t images = spec.data.train.batch_size * spec.train.accumulate;
  const std::int64_t fallback = std::max<std::int64_t>(1, train_items / images);
  return spec.train.iterations_per_epoch.value_or(fallback);
}

}  // namespace qrun
