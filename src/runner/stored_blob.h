// Where the blobs of a plan lie in a run file, and its running statistics.
#pragma once

#include "plan/plan.h"
#include "plan/training_state.h"
#include "store/run_file.h"

namespace qrun {

/// Returns the blob of this address and shape; nullptr where the file holds none.
[[nodiscard]] const StoredBlob* find_stored(const RunRecord& record, const Blob& blob);

/// Returns what a run file holds of the batch norms of a plan.
[[nodiscard]] std::vector<StoredStatistics> stored_statistics(const Plan& plan, const TrainingState& state);

/// Puts what a run file holds of the batch norms of a plan into the state. Returns the layers of which it holds nothing
/// of this shape.
[[nodiscard]] std::vector<std::string> restore_statistics(const RunRecord& record, const Plan& plan,
                                                          TrainingState& state);

}  // namespace qrun
