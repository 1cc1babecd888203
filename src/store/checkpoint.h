// A run on the way: all that it needs to go on as if nothing had happened. The two latest are kept, so that a damaged
// one costs the work since the one before.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/run_file.h"

namespace qrun {

struct Checkpoint {
  RunRecord record;                   // identity and metrics so far; no weights
  TrainingState state;                // its iteration is also where the data goes on
  std::optional<TrainingState> best;  // with `keep: best`
  std::vector<float> epoch_losses;    // of the epoch under way
  double epoch_seconds = 0;           // spent on it
};

/// Puts a checkpoint at `path`; the one that was there stays as previous_checkpoint(path).
/// Throws EnvironmentError (path, reason).
void write_checkpoint(const std::string& path, const Checkpoint& checkpoint);

/// Returns the latest checkpoint that is whole; nothing where there is none. Each damaged one adds a line to
/// `problems`. Throws Unreadable where one may be sound.
[[nodiscard]] std::optional<Checkpoint> read_checkpoint(const std::string& path, std::vector<std::string>& problems);

/// Returns the record of the latest checkpoint alone, which costs little; nothing where there is none. What is damaged
/// is passed over in silence.
[[nodiscard]] std::optional<RunRecord> read_checkpoint_record(const std::string& path);

/// Removes the checkpoint at `path` and the one before it.
void remove_checkpoints(const std::string& path);

}  // namespace qrun
