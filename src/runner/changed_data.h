// Runs that saw other data than there is now: what is said of them.
#pragma once

#include <string>
#include <vector>

#include "config/run_spec.h"
#include "core/data_record.h"

namespace qrun {

/// A data set, or a file to start from, that has changed since a run read it.
struct DataChange {
  Position position;  // in the configuration
  std::string key;    // there
  std::string name;   // its path, or what it is
  std::string was, is;
};

/// Returns what has changed; nothing where the run saw what there is. Paths and batch sizes don't count, and what is
/// not known on one side. A database that is both the training and the test set is named once.
[[nodiscard]] std::vector<DataChange> data_changes(const RunSpec& run, const DataRecord& seen, const DataRecord& now);

/// Returns the change for a run that recorded no data: a training set of another number of items shows in the
/// iterations of an epoch.
[[nodiscard]] DataChange change_of_epochs(const SourceSpec& train, std::int64_t was, std::int64_t is);

/// The changes that runs of a sweep have met: a line for each data set.
class ChangedData {
 public:
  void add(const std::vector<DataChange>& changes);

  [[nodiscard]] bool empty() const { return sets_.empty(); }
  /// Throws ConfigError: what each data set was, what it is, and how many runs saw that.
  [[noreturn]] void refuse() const;

 private:
  struct Former {
    std::string was;
    std::int64_t runs = 0;
  };
  struct Set {
    DataChange change;  // of the first run
    std::vector<Former> formers;
  };
  std::vector<Set> sets_;
};

}  // namespace qrun
