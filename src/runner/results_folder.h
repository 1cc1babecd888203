// A folder of results: which files belong to which run. Others may lie beside them.
#pragma once

#include <set>
#include <string>

#include "config/run_spec.h"
#include "core/atomic_file.h"
#include "store/layout.h"

namespace qrun {

class ResultsFolder {
 public:
  /// Makes the folder `<dir>/<name>` if it is missing. Throws EnvironmentError if it can't be written.
  ResultsFolder(const std::string& dir, const std::string& name);

  [[nodiscard]] std::string path() const { return layout_.folder(); }
  [[nodiscard]] std::string run_file(const RunSpec& run) const { return layout_.file(run.id(), FileKind::kRun); }
  [[nodiscard]] std::string journal(const RunSpec& run) const { return layout_.file(run.id(), FileKind::kJournal); }
  [[nodiscard]] std::string checkpoint(const RunSpec& run) const {
    return layout_.file(run.id(), FileKind::kCheckpoint);
  }
  /// Writes down what is about to run: a run's resolved configuration beside its checkpoints, a sweep as a whole.
  void freeze(const RunSpec& run) const { write_text(layout_.file(run.id(), FileKind::kConfig), run.text()); }
  void freeze(const std::string& sweep_text) const { write_text(layout_.sweep_config(), sweep_text); }
  /// Runs that have a journal, a checkpoint or a claim.
  [[nodiscard]] std::set<std::string> under_way() const;
  /// Gives the files of a run under another id this one's names. Throws EnvironmentError, Irreplaceable among them.
  void adopt(const std::string& id, const RunSpec& run) const;
  /// Removes what a run needs until it has ended.
  void tidy(const RunSpec& run) const;
  [[nodiscard]] std::string snapshot(const RunSpec& run, std::int64_t epoch) const {
    return layout_.snapshot(run.id(), epoch);
  }

 private:
  Layout layout_;
};

}  // namespace qrun
