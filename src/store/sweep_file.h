// `sweep.h5`: the numbers of all runs of a folder side by side, copied from their files. Layout: results/README.md.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "store/columns.h"
#include "store/layout.h"

namespace qrun {

/// Lines about files that a folder's index leaves out.
struct LeftOut {
  std::vector<std::string> problems;  // what can't be read
  std::vector<std::string> notes;     // copies of other files
};

class SweepFile {
 public:
  /// `folder` holds run files.
  explicit SweepFile(const std::string& folder) : layout_(folder) {}

  [[nodiscard]] std::string path() const { return layout_.index(); }

  /// Writes the file anew from the run files; those that have not changed since the last call are not read again. Each
  /// run counts once; what is not qrun's is passed over. Throws EnvironmentError.
  LeftOut update();

 private:
  struct Seen {
    std::filesystem::file_time_type changed;
    std::uintmax_t bytes = 0;
    RunRecord record;
    RunValues values;
  };

  std::vector<std::string> read();

  Layout layout_;
  std::map<std::string, Seen> seen_;  // by file name
};

}  // namespace qrun
