// From runs to a Plan: the only place that knows layers.
#pragma once

#include <cstdint>
#include <vector>

#include "config/run_spec.h"
#include "plan/plan.h"

namespace qrun {

/// What lowering needs to know of the data.
struct DataInfo {
  Shape shape;  // of one image, after cropping
  std::int64_t train_items = 0;
};

/// Lowers a pack, fused. `runs` is not empty, and all have one pack_key(). Throws ConfigError, positioned at the
/// layer, where shapes don't fit (which layer, which shapes), or where no machine has the memory for them.
[[nodiscard]] Plan lower(const std::vector<RunSpec>& runs, const DataInfo& data);

}  // namespace qrun
