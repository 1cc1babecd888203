// A folder of results: which files belong to which run. Others may lie beside them.
#pragma once

#include <set>
#include <string>

#include "config/run_spec.h"
#include "core/atomic_file.h"

namespace qrun {

class ResultsFolder {
 public:
  /// `<dir>/<name>`, made if missing. Throws EnvironmentError if it can't be written.
  ResultsFolder(const std::string& dir, const std::string& name);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string run_file(const RunSpec& run) const { return path_ + "/" + run.id() + ".h5"; }
  [[nodiscard]] std::string journal(const RunSpec& run) const { return path_ + "/" + run.id() + ".jsonl"; }
  [[nodiscard]] std::string checkpoint(const RunSpec& run) const { return path_ + "/.qrun/" + run.id() + ".ckpt.h5"; }
  [[nodiscard]] std::string frozen(const RunSpec& run) const { return path_ + "/.qrun/" + run.id() + ".yaml"; }
  /// Writes down what is about to run: a run's resolved configuration beside its checkpoints, a sweep as a whole.
  void freeze(const RunSpec& run) const { write_text(frozen(run), run.text()); }
  void freeze(const std::string& sweep_text) const { write_text(path_ + "/.qrun/sweep.yaml", sweep_text); }
  /// Runs that have a journal, a checkpoint or a claim.
  [[nodiscard]] std::set<std::string> under_way() const;
  /// Gives the files of a run under another id this one's names. Throws EnvironmentError, Irreplaceable among them.
  void adopt(const std::string& id, const RunSpec& run) const;
  /// Removes what a run needs until it has ended.
  void tidy(const RunSpec& run) const;
  [[nodiscard]] std::string snapshot(const RunSpec& run, std::int64_t epoch) const;

 private:
  std::string path_;
};

}  // namespace qrun
