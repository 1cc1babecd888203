// Places where a test kills the program. QRUN_FAULT=NAME makes the process end itself by SIGKILL where it passes NAME
// for the first time, QRUN_FAULT=NAME:N where it passes it for the Nth. They stand where files change, and nowhere
// else: looking at the environment costs nothing there.
#pragma once

#include <algorithm>
#include <iterator>
#include <string_view>

namespace qrun {

/// The names of all fault points. tests/cli/fault_points.py reads this list and kills at every passage of each: a new
/// one is tested for free.
inline constexpr std::string_view kFaults[] = {
    "file.created",        // a temporary file is there, empty
    "file.half",           // half of its bytes are written
    "file.written",        // all are, none is known to be on disk
    "file.flushed",        // on disk, under its temporary name
    "file.linked",         // under both names
    "file.placed",         // under its own name, which may not be on disk
    "checkpoint.aside",    // the old checkpoint has become the previous one, the new one is not there yet
    "checkpoint.removed",  // the latest one has gone, the previous one is there
    "journal.half",        // half a line is written
    "run.renamed",         // some of a run's files have the names of the sweep that it belongs to now
    "run.started",         // the journal has gone, the configuration is frozen
    "run.written",         // the file of a run that ended is there, and so are its journal and checkpoints
    "run.tidied",          // nothing is left but its claim
    "claim.taken",         // nothing has been done with it
    "claim.aside",         // a dead process's claim has been set aside, nobody has the run
    "claim.released",      // nothing tells that this process had it
    "lmdb.items",          // in a transaction
    "lmdb.committed",      // between transactions
    "lmdb.synced",         // on disk, under its temporary name
    "data.half",           // the training set is there, the test set is not
};

/// A name of the list, checked when it is compiled.
struct Fault {
  std::string_view name;
  consteval Fault(const char* text) : name(text) {  // NOLINT(google-explicit-constructor): reads as a name
    if (std::find(std::begin(kFaults), std::end(kFaults), name) == std::end(kFaults)) throw "not in the list";
  }
};

/// True at the passage that the environment names. Thread-safe.
[[nodiscard]] bool fault_is_due(Fault fault);

[[noreturn]] void end_by_kill();

inline void fault_point(Fault fault) {
  if (fault_is_due(fault)) end_by_kill();
}

/// Calls `last` before the end, for what never happens otherwise, such as half of a write.
template <class Last>
void fault_point(Fault fault, const Last& last) {
  if (!fault_is_due(fault)) return;
  last();
  end_by_kill();
}

}  // namespace qrun
