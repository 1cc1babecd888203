#include "runner/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>

namespace qrun {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);

std::size_t terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string duration(double seconds) {
  const auto s = std::llround(seconds);
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
  return fmt::format("{}h{:02}m", s / 3600, s / 60 % 60);
}

std::string bar(double fraction) {
  constexpr int kCells = 10;
  const int full = static_cast<int>(fraction * kCells);
  std::string text;
  for (int i = 0; i < kCells; ++i) text += i < full ? "━" : "╌";
  return text;
}

std::string line_of(const RunProgress& run, std::size_t width) {
  const std::string accuracy = run.accuracy ? fmt::format("{:.4f}", *run.accuracy) : "-";
  const double fraction = static_cast<double>(run.iteration) / static_cast<double>(run.iterations);
  const std::string tail =
      fmt::format(" {} epoch {:>2}/{} loss {:.4f} acc {:<6} {:>6.0f}/s left {}", bar(fraction), run.epoch, run.epochs,
                  run.loss, accuracy, run.images_per_second, duration(run.seconds_left));
  const std::size_t shown = tail.size() - 20;  // a cell of the bar is one column in three bytes
  const std::size_t room = width > shown + 1 ? width - shown - 1 : 0;
  return run.run_id.substr(0, room) + tail;
}

}  // namespace

ProgressStyle progress_style(bool quiet, bool no_progress) {
  if (quiet) return ProgressStyle::kSilent;
  return isatty(STDERR_FILENO) != 0 && !no_progress ? ProgressStyle::kLive : ProgressStyle::kLines;
}

void Progress::show(const std::vector<RunProgress>& runs) {
  const auto now = std::chrono::steady_clock::now();
  if (style_ != ProgressStyle::kLive || now - shown_ < kRedraw) return;
  wipe();
  shown_ = now;
  const std::size_t width = terminal_width();
  std::string text;
  for (const RunProgress& run : runs) text += line_of(run, width) + "\n";
  std::fputs(text.c_str(), stderr);
  lines_ = runs.size();
}

void Progress::epoch(const std::string& run_id, const TrainPoint& train, const std::optional<TestPoint>& test) {
  if (style_ != ProgressStyle::kLines) return;
  const std::string accuracy = test ? fmt::format(", test accuracy={:.4f}", test->accuracy) : "";
  std::fputs(fmt::format("{} epoch {}: train loss={:.4f}{}\n", run_id, train.epoch, train.loss, accuracy).c_str(),
             stderr);
}

void Progress::wipe() {
  for (; lines_ > 0; --lines_) std::fputs("\x1b[1A\x1b[2K", stderr);
  std::fflush(stderr);
}

}  // namespace qrun
