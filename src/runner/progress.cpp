#include "runner/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace qrun {
namespace {

constexpr std::size_t kCells = 10;        // of the bar
constexpr std::size_t kNameColumns = 12;  // of a run, at least
constexpr auto kRedraw = std::chrono::milliseconds(100);

std::string bar(double fraction) {
  const auto full = static_cast<std::size_t>(fraction * static_cast<double>(kCells));
  std::string text;
  for (std::size_t i = 0; i < kCells; ++i) text += i < full ? "━" : "╌";
  return text;
}

std::size_t terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string duration_text(double seconds) {
  const auto s = std::llround(seconds);
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
  return fmt::format("{}h{:02}m", s / 3600, s / 60 % 60);
}

std::string line_of(const RunProgress& run, std::size_t width) {
  const double fraction = static_cast<double>(run.iteration) / static_cast<double>(run.iterations);
  const std::string accuracy = run.accuracy ? fmt::format("{:.4f}", *run.accuracy) : "-";
  const std::string epoch = fmt::format(" epoch {:>2}/{}", run.epoch, run.epochs);
  const std::string loss = fmt::format(" loss {:.4f}", run.loss);
  const std::string result = fmt::format(" acc {:<6}", accuracy);
  const std::string rate = fmt::format(" {:>6.0f}/s", run.images_per_second);
  const std::string left = " left " + duration_text(run.seconds_left);
  // What there is no room for goes: the bar first, then speed, then loss.
  std::string tail = " " + bar(fraction) + epoch + loss + result + rate + left;
  std::size_t columns = tail.size() - 2 * kCells;  // a cell of the bar is one column in three bytes
  for (const std::string& shorter :
       {fmt::format("{}{}{}{}{}", epoch, loss, result, rate, left), fmt::format("{}{}{}{}", epoch, loss, result, left),
        fmt::format("{}{}{}", epoch, result, left), result}) {
    if (columns + std::min(kNameColumns, run.run_id.size()) < width) break;
    tail = shorter;
    columns = tail.size();
  }
  const std::size_t room = width > columns + 1 ? width - columns - 1 : 0;
  return run.run_id.substr(0, room) + tail;
}

ProgressStyle progress_style(bool quiet, bool no_progress) {
  if (quiet) return ProgressStyle::kSilent;
  return isatty(STDERR_FILENO) != 0 && !no_progress ? ProgressStyle::kLive : ProgressStyle::kLines;
}

void Progress::show(const void* pack, const std::vector<RunProgress>& runs) {
  const Lock lock(mutex_);
  if (runs.empty()) {
    packs_.erase(pack);
  } else {
    packs_[pack] = runs;
  }
  draw(runs.empty());
}

void Progress::sweep(const SweepProgress& sweep) {
  const Lock lock(mutex_);
  sweep_ = sweep;
  draw(true);
}

void Progress::epoch(const std::string& run_id, const TrainPoint& train, const std::optional<TestPoint>& test) {
  if (style_ != ProgressStyle::kLines) return;
  const std::string accuracy = test ? fmt::format(", test accuracy={:.4f}", test->accuracy) : "";
  const Lock lock(mutex_);
  std::fputs(fmt::format("{} epoch {}: train loss={:.4f}{}\n", run_id, train.epoch, train.loss, accuracy).c_str(),
             stderr);
}

/// Time left by what this process has trained since it began.
std::string Progress::sweep_line() const {
  std::int64_t done = sweep_->iterations;
  std::int64_t left = sweep_->iterations_left;
  std::int64_t under_way = 0;
  for (const auto& [pack, runs] : packs_) {
    under_way += std::ssize(runs);
    for (const RunProgress& run : runs) {
      done += run.iteration - run.first_iteration;
      left -= run.iteration;
    }
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  std::string text = fmt::format("sweep {}/{} complete, {} under way", sweep_->complete, sweep_->runs, under_way);
  if (sweep_->elsewhere > 0) text += fmt::format(", {} elsewhere", sweep_->elsewhere);
  if (sweep_->failed > 0) text += fmt::format(", {} failed", sweep_->failed);
  if (done > 0 && left > 0)
    text += fmt::format(", left {}", duration_text(seconds * static_cast<double>(left) / static_cast<double>(done)));
  return text;
}

void Progress::draw(bool now) {
  const auto time = std::chrono::steady_clock::now();
  if (style_ != ProgressStyle::kLive || (!now && time - shown_ < kRedraw)) return;
  wipe();
  shown_ = time;
  const std::size_t width = terminal_width();
  std::string text;
  for (const auto& [pack, runs] : packs_) {
    for (const RunProgress& run : runs) {
      text += line_of(run, width) + "\n";
      lines_.push_back(width - 1);
    }
  }
  if (sweep_ && !packs_.empty()) {
    const std::string line = sweep_line().substr(0, width - 1);
    text += line + "\n";
    lines_.push_back(line.size());
  }
  std::fputs(text.c_str(), stderr);
}

/// A terminal that became narrower since has broken a line into several rows.
void Progress::wipe() {
  const std::size_t width = terminal_width();
  std::size_t rows = 0;
  for (const std::size_t columns : lines_) rows += std::max<std::size_t>(1, (columns + width - 1) / width);
  for (; rows > 0; --rows) std::fputs("\x1b[1A\x1b[2K", stderr);
  lines_.clear();
  std::fflush(stderr);
}

}  // namespace qrun
