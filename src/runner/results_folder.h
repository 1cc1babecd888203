// A folder of results: which files belong to which run, and whether the folder is ours to write to.
#pragma once

#include <optional>
#include <string>

#include "spec/run_spec.h"

namespace qrun {

class ResultsFolder {
 public:
  /// `<dir>/<name>`, made if missing. Throws EnvironmentError if it can't be written, Error if it holds files that are
  /// not qrun's.
  ResultsFolder(const std::string& dir, const std::string& name);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string run_file(const RunSpec& run) const { return path_ + "/" + run.id() + ".h5"; }
  [[nodiscard]] std::string journal(const RunSpec& run) const { return path_ + "/" + run.id() + ".jsonl"; }
  [[nodiscard]] std::string frozen(const RunSpec& run) const { return path_ + "/.qrun/" + run.id() + ".yaml"; }
  [[nodiscard]] std::string snapshot(const RunSpec& run, std::int64_t epoch) const;

 private:
  std::string path_;
};

/// The run's file, whatever its readable part: runs are recognised by their hash. Does not need the folder to exist.
[[nodiscard]] std::optional<std::string> find_run_file(const std::string& folder, const RunSpec& run);

}  // namespace qrun
