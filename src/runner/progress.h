// What a run says while it trains: a live line on a terminal, a plain line an epoch elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/run_file.h"

namespace qrun {

enum class ProgressStyle : std::uint8_t { kSilent, kLines, kLive };

/// kLive on a terminal, unless the user wants none.
[[nodiscard]] ProgressStyle progress_style(bool quiet, bool no_progress);

/// Where one run stands.
struct RunProgress {
  std::string run_id;
  std::int64_t iteration = 0, iterations = 0;  // done, of
  std::int64_t epoch = 0, epochs = 0;
  double loss = 0;
  std::optional<double> accuracy;  // of the last test
  double images_per_second = 0;    // of the whole pack
  double seconds_left = 0;
};

/// Writes to stderr. Live lines are redrawn a few times a second and wiped before anything else is written.
class Progress {
 public:
  explicit Progress(ProgressStyle style) : style_(style) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { wipe(); }

  void show(const std::vector<RunProgress>& runs);
  void epoch(const std::string& run_id, const TrainPoint& train, const std::optional<TestPoint>& test);
  void wipe();

 private:
  ProgressStyle style_;
  std::size_t lines_ = 0;  // on the screen
  std::chrono::steady_clock::time_point shown_;
};

}  // namespace qrun
