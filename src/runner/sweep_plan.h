// What there is to do: the runs of a sweep, where each stands, and which may train together.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "plan/memory.h"
#include "plan/plan.h"
#include "runner/changed_data.h"
#include "runner/data_cache.h"
#include "runner/standing.h"

namespace qrun {

struct SweepOptions {
  int jobs = 0;              // packs side by side; 0: one, or one for each device
  std::vector<int> devices;  // GPUs, which the jobs take in turn; none: the first
  int threads = 0;           // of the CPU engine, shared by the jobs; 0: one for each processor
  int pack = 0;              // runs trained together at most; 0: what fits
  int retries = 0;           // of a run that fails
  bool force = false, retry_failed = false, fail_fast = false;
  bool wait = true;  // for runs that other processes train: they may have to be taken over

  /// Packs side by side, at least one.
  [[nodiscard]] int workers() const;
  /// The device of a worker, counted from 0.
  [[nodiscard]] int device_of(int worker) const;
};

/// A run of the sweep and where it stands.
struct PlannedRun {
  const RunSpec* spec = nullptr;
  std::string id;
  std::string known_as;  // in the folder; another id where the run is one of a sweep over less
  Standing standing;
  std::size_t group = 0;  // runs of one group have one pack_key(), and may train together
};

/// Runs of one group, by what they share.
struct PackGroup {
  const RunSpec* spec = nullptr;   // of one of them
  std::int64_t iterations = 0;     // of a whole run
  std::int64_t bytes = 0;          // of memory a run takes while it trains, at least
  std::int64_t file_bytes = 0;     // of its files, checkpoints among them
  LayerMemory largest;             // where most of the memory goes
  bool needs_shuffling = false;    // its data comes class by class, and a batch is a part of it
  bool lacks_test_labels = false;  // its test labels are all 0
};

class SweepPlan {
 public:
  /// `runs` are distinct and outlive the plan. Opens all data, checks shapes, labels and what runs start from, and
  /// looks at the folder, if any. Throws ConfigError with all mistakes, or, unless forced, where runs that are complete
  /// or go on saw other data than there is; writes nothing.
  SweepPlan(const std::vector<RunSpec>& runs, SweepOptions options, const std::string& folder);

  /// What is odd about the data and no mistake: `FILE:LINE:COLUMN: KEY: ...`, once for each data set.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }
  [[nodiscard]] const SweepOptions& options() const { return options_; }
  [[nodiscard]] const std::vector<PlannedRun>& runs() const { return runs_; }
  [[nodiscard]] const PackGroup& group(const PlannedRun& run) const { return groups_[run.group]; }
  [[nodiscard]] const RunData& data(const PlannedRun& run) { return data_.get(run.spec->data); }
  [[nodiscard]] bool to_do(const PlannedRun& run) const;
  /// How the data of a run differs from what it saw, as far as that is known. Synthetic digits are drawn for it only
  /// where some run is to do.
  [[nodiscard]] std::vector<DataChange> changes(const PlannedRun& run, const SeenData& seen);

  /// Returns why the run can't be trained here, naming its largest layer: it takes more memory than there is. Else "".
  [[nodiscard]] std::string too_large(const PlannedRun& run, const EngineInfo& engine) const;
  /// Throws EnvironmentError where every run that is to do takes more memory than there is.
  void refuse_what_cannot_fit(const EngineInfo& engine) const;

  /// Runs that train together at most, on this engine.
  [[nodiscard]] std::size_t pack_size(const PlannedRun& first, const EngineInfo& engine) const;
  /// The packs that one process would train alone, as indices into runs().
  [[nodiscard]] std::vector<std::vector<std::size_t>> packs(const EngineInfo& engine) const;

 private:
  void say_what_is_unrecorded() const;
  std::size_t group_of(const RunSpec& run);
  void compare_data(PlannedRun& run, ChangedData& changed);
  void check_start(const PlannedRun& run);
  void warn_of_order(const PlannedRun& run);
  void warn_of_test_labels(const PlannedRun& run);

  SweepOptions options_;
  DataCache data_;
  std::vector<PackGroup> groups_;
  std::unordered_map<std::string, std::size_t> by_key_;    // groups
  std::set<std::pair<std::size_t, std::string>> checked_;  // groups and what they start from
  std::vector<PlannedRun> runs_;
  std::set<std::string> in_order_, without_labels_;  // data sets that were warned of
  std::vector<std::string> warnings_;
};

}  // namespace qrun
