// Trains one pack to its end: epochs, tests, logged points, and a file for each run.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "engine/engine.h"
#include "runner/progress.h"
#include "runner/results_folder.h"
#include "runner/session.h"

namespace qrun {

/// What came of a run.
struct RunOutcome {
  std::string run_id, status, path, error;
};

/// Checks what only the data can tell: as many classes as labels. Throws ConfigError at the last layer.
void check_labels(const RunSpec& run, const RunData& data, std::int64_t classes);

/// Master parameters from a run file, layers matched by name and shape. Throws ConfigError naming the layer.
void load_initial(const std::string& file, const Plan& plan, RunState& state);

/// All runs satisfy same_pack(). Ends early where `stop` rises: the runs are then interrupted.
/// Throws ConfigError before anything is written, EnvironmentError where results can't be written.
std::vector<RunOutcome> train_pack(const std::vector<RunSpec>& runs, Engine& engine, const BuildInfo& build,
                                   const ResultsFolder& folder, Progress& progress, const std::atomic<bool>& stop);

}  // namespace qrun
