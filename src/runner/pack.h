// Trains one pack to its end: epochs, tests, logged points, checkpoints, and a file for each run.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "engine/engine.h"
#include "plan/lower.h"
#include "runner/progress.h"
#include "runner/results_folder.h"
#include "runner/session.h"

namespace qrun {

/// What came of a run.
struct RunOutcome {
  std::string run_id;
  RunStatus status = RunStatus::kInterrupted;
  std::string path, error;
};

/// A run and where it goes on.
struct PackRun {
  RunSpec spec;
  std::optional<Checkpoint> from;
};

/// What a pack is trained with.
struct PackTools {
  Engine& engine;
  const BuildInfo& build;
  const ResultsFolder& folder;
  Progress& progress;
  const std::atomic<bool>& stop;  // once it rises, the iteration under way is the last
  std::function<bool(const RunSpec&)> owned = [](const RunSpec&) { return true; };  // false: another process has it
};

/// Checks what only the data can tell: as many classes as labels. Throws ConfigError at the last layer.
void check_labels(const RunSpec& run, const RunData& data, std::int64_t classes);

/// The state that run `index` of the plan starts with: the initial one, with the masters of the run file that
/// `train.init_from` names, layers matched by name and shape; and the hash of these, "" without such a file. Throws
/// ConfigError naming the layer, Error where the file can't be read.
struct FirstState {
  TrainingState state;
  std::string init_from_hash;
};
[[nodiscard]] FirstState first_state(const RunSpec& run, const Plan& plan, int index);

/// The hash that first_state() would give a run on these images; empty where the file can't be read. A file that holds
/// another network by now has a text of its own, which equals no hash.
[[nodiscard]] std::string initial_hash(const RunSpec& run, const DataInfo& data);

/// What first_state() would throw. Throws ConfigError.
void check_initial(const RunSpec& run, const Plan& plan);

/// All runs have one pack_key() and go on at the same iteration. Ends early where `stop` rises: the runs are then
/// interrupted, and a checkpoint lies where they go on. A run that diverges is failed at once, the others go on.
/// Throws EnvironmentError where results can't be written, Irreplaceable where a file of one of the runs is in the way,
/// Error where the data can't be read.
std::vector<RunOutcome> train_pack(const std::vector<PackRun>& runs, const RunData& data, const PackTools& tools);

}  // namespace qrun
