// What a sweep would take, from a short trial of each of its shapes.
#pragma once

#include "engine/engine.h"
#include "runner/sweep_plan.h"

namespace qrun {

struct Estimate {
  double seconds = 0;             // from start to end, on this machine, its other work left out
  std::int64_t memory_bytes = 0;  // of the packs that train side by side, data sets left out
  std::int64_t disk_bytes = 0;
};

/// Trains the first pack of some groups for a moment, without keeping anything; the time of others follows from their
/// memory. Takes a few seconds. Throws EnvironmentError where every run takes more memory than there is.
[[nodiscard]] Estimate estimate(SweepPlan& plan, Engine& engine);

}  // namespace qrun
