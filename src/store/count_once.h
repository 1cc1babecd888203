// A run counts once, however often its file was copied.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "store/run_status.h"

namespace qrun {

/// One of the files that are looked at, or a journal.
struct RunCopy {
  std::string path, run_id;
  RunStatus status = RunStatus::kInterrupted;
  std::string started, finished;
  double wall_seconds = 0;
  bool lives = false;  // a process trains it now
};

struct CountedOnce {
  std::vector<std::size_t> kept;   // one of each run, in the order given
  std::vector<std::string> notes;  // a line for each folder or file that is left out, but for files named twice
};

/// Runs are the same where the hashes at the end of their ids are. Of copies the one that has the run's name is kept;
/// of different contents the run that trains now, else the one that ended, of several the last.
[[nodiscard]] CountedOnce count_once(const std::vector<RunCopy>& files);

}  // namespace qrun
