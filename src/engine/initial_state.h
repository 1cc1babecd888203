// How a run starts.
#pragma once

#include "engine/engine.h"

namespace qrun {

/// Masters as the run's seed and `init` say, no history, no batch seen, iteration 0.
[[nodiscard]] RunState initial_state(const Plan& plan, int run);

}  // namespace qrun
