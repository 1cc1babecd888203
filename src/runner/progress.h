// What runs say while they train: on a terminal live lines, one a run under way and one for the sweep; elsewhere a
// plain line an epoch. Members may be called from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/mutex.h"
#include "store/run_file.h"

namespace qrun {

enum class ProgressStyle : std::uint8_t { kSilent, kLines, kLive };

/// Returns kLive on a terminal, unless the user wants none.
[[nodiscard]] ProgressStyle progress_style(bool quiet, bool no_progress);

/// Where one run stands.
struct RunProgress {
  std::string run_id;
  std::int64_t iteration = 0, iterations = 0;  // done, of
  std::int64_t first_iteration = 0;            // where this process took it up
  std::int64_t epoch = 0, epochs = 0;
  double loss = 0;
  std::optional<double> accuracy;  // of the last test
  double images_per_second = 0;    // of the whole pack
  double seconds_left = 0;
};

/// Where the whole sweep stands.
struct SweepProgress {
  std::int64_t runs = 0, complete = 0, failed = 0, elsewhere = 0;  // elsewhere: other processes train them
  std::int64_t iterations = 0;                                     // of this process, done so far by ended packs
  std::int64_t iterations_left = 0;                                // of all runs that have not ended, from their start
};

/// A line about a run: bar, epoch, loss, accuracy, speed and time left, cut to `width` columns.
[[nodiscard]] std::string line_of(const RunProgress& run, std::size_t width);

/// Returns `1h05m`, `3m20s`, `12s`.
[[nodiscard]] std::string duration_text(double seconds);

/// Writes to stderr. Live lines are redrawn a few times a second.
class Progress {
 public:
  explicit Progress(ProgressStyle style) : style_(style) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() {
    const Lock lock(mutex_);
    wipe();
  }

  /// Shows lines of the runs of one pack, until the next call with the same `pack`; no runs: the pack has ended.
  void show(const void* pack, const std::vector<RunProgress>& runs);
  /// Shows a sweep's totals; never called for a single run.
  void sweep(const SweepProgress& sweep);
  void epoch(const std::string& run_id, const TrainPoint& train, const std::optional<TestPoint>& test);

  /// Wipes the live lines, so that `write` can put lasting ones in their place.
  template <class Write>
  void note(const Write& write) {
    const Lock lock(mutex_);
    wipe();
    write();
  }

 private:
  void draw(bool now) QRUN_REQUIRES(mutex_);
  void wipe() QRUN_REQUIRES(mutex_);
  [[nodiscard]] std::string sweep_line() const QRUN_REQUIRES(mutex_);

  ProgressStyle style_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  Mutex mutex_;
  std::map<const void*, std::vector<RunProgress>> packs_ QRUN_GUARDED_BY(mutex_);
  std::optional<SweepProgress> sweep_ QRUN_GUARDED_BY(mutex_);
  std::vector<std::size_t> lines_ QRUN_GUARDED_BY(mutex_);  // on the screen: columns of each
  std::chrono::steady_clock::time_point shown_ QRUN_GUARDED_BY(mutex_);
};

}  // namespace qrun
