// `sweep.h5`: the numbers of all runs of a folder side by side, copied from their files. Layout: results/README.md.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "store/run_file.h"

namespace qrun {

class SweepFile {
 public:
  /// `folder` holds run files.
  explicit SweepFile(std::string folder) : folder_(std::move(folder)) {}

  [[nodiscard]] std::string path() const { return folder_ + "/sweep.h5"; }

  /// Writes the file anew from the run files; those that have not changed since the last call are not read again.
  /// Gives a line for each that can't be read: it is left out. Throws EnvironmentError.
  std::vector<std::string> update();

 private:
  struct Seen {
    std::filesystem::file_time_type changed;
    std::uintmax_t bytes = 0;
    RunRecord record;
  };

  std::string folder_;
  std::map<std::string, Seen> seen_;  // by file name
};

}  // namespace qrun
