// Data sets opened once, however many runs of a sweep read them.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "data/dataset.h"

namespace qrun {

class DataCache {
 public:
  /// Thread-safe; the reference stays valid. Throws ConfigError as open_data() does.
  const RunData& get(const DataSpec& spec);

 private:
  std::mutex mutex_;
  std::map<std::string, RunData> opened_;
};

}  // namespace qrun
