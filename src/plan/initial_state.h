// How a run starts.
#pragma once

#include "plan/plan.h"
#include "plan/training_state.h"

namespace qrun {

/// Returns the state at iteration 0: masters as the run's seed and `init` say, no history, statistics of no batch.
/// A weight or bias draws from a stream that counts weights and biases alone: blobs of other roles beside them change
/// none of its numbers.
[[nodiscard]] TrainingState initial_state(const Plan& plan, int run);

}  // namespace qrun
