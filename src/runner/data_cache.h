// Data sets opened once, and files to start from read once, however many runs of a sweep use them.
#pragma once

#include <map>
#include <string>

#include "core/mutex.h"
#include "data/dataset.h"

namespace qrun {

class DataCache {
 public:
  /// Returns the data, which are opened once. Thread-safe; the reference stays valid. Throws ConfigError as open_data()
  /// does.
  const RunData& get(const DataSpec& spec);

  /// What the run would see if it began now; `draw` as record_of() takes it. A file to start from that is not there has
  /// no hash. Thread-safe. Throws as get() does.
  [[nodiscard]] DataRecord record(const RunSpec& run, bool draw);

 private:
  Mutex mutex_;
  std::map<std::string, RunData> opened_ QRUN_GUARDED_BY(mutex_);
  std::map<std::string, std::string> initial_ QRUN_GUARDED_BY(mutex_);  // hashes of masters
};

}  // namespace qrun
