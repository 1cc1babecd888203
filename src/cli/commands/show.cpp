// `qrun show`: leaderboards of files and folders, once or again and again.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "cli/command.h"
#include "cli/paths.h"
#include "cli/process.h"
#include "report/leaderboard.h"
#include "runner/interrupt.h"
#include "runner/present_data.h"
#include "store/sweep_file.h"

namespace qrun {
namespace {

constexpr std::chrono::seconds kAgain{2};
constexpr std::chrono::milliseconds kLook{50};

struct ShowOptions {
  std::vector<std::string> paths;
  bool csv = false, json = false, watch = false, collect = false;
};

std::string text_of(const Leaderboard& board, const ShowOptions& options) {
  return options.csv ? to_csv(board) : (options.json ? to_json(board) + "\n" : to_table(board));
}

void say(const char* what, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) std::fprintf(stderr, "%s: %s\n", what, line.c_str());
}

int show_once(const ShowOptions& options) {
  Leaderboard board = collect_runs(options.paths);
  if (board.rows.empty() && board.problems.empty()) {
    for (const std::string& path : options.paths) board.notes.push_back(path + ": holds no runs");
  }
  PresentData().mark(board);
  print(text_of(board, options));
  say("skipped", board.problems);
  say("note", board.notes);
  return board.problems.empty() ? kAllComplete : kRunFailed;
}

/// Writes sweep.h5 of each folder anew from its run files.
int collect(const ShowOptions& options) {
  bool damaged = false;
  for (const std::string& folder : options.paths) {
    SweepFile file(std::filesystem::path(folder).lexically_normal().string());
    const LeftOut left_out = file.update();
    say("skipped", left_out.problems);
    say("note", left_out.notes);
    damaged = damaged || !left_out.problems.empty();
    print(file.path() + "\n");
  }
  return damaged ? kRunFailed : kAllComplete;
}

/// Prints the table again every two seconds while runs are under way, on a terminal in place of the last one.
int watch(const ShowOptions& options) {
  install_interrupts();
  const bool in_place = isatty(STDOUT_FILENO) != 0;
  PresentData data;
  while (!interrupted()) {
    Leaderboard board = collect_runs(options.paths);
    data.mark(board);
    const bool wanted = print((in_place ? "\x1b[H\x1b[2J" : "") + text_of(board, options));
    if (!wanted ||
        std::ranges::none_of(board.rows, [](const LeaderboardRow& row) { return row.status == RunStatus::kRunning; }))
      return kAllComplete;
    for (auto waited = kLook; waited < kAgain && !interrupted(); waited += kLook) std::this_thread::sleep_for(kLook);
  }
  return kAllComplete;
}

int show(const ShowOptions& options) {
  if (options.collect) return collect(options);
  return options.watch ? watch(options) : show_once(options);
}

void add_options(CLI::App& command, Action& action) {
  auto options = std::make_shared<ShowOptions>();
  as_path(command.add_option("PATH", options->paths, "run files (.h5) or folders"))->required();
  CLI::Option* csv = command.add_flag("--csv", options->csv, "as CSV, one line a run");
  command.add_flag("--json", options->json, "as JSON")->excludes(csv);
  command.add_flag("--watch", options->watch, "again every two seconds, until no run is under way");
  command.add_flag("--collect", options->collect, "write the folder's sweep.h5 anew from its run files");
  command.footer("Example: qrun show results/lenet_2bit");
  command.callback([options, &action] { action = [options] { return show(*options); }; });
}

}  // namespace

Command show_command() {
  return {
      .name = "show", .about = "leaderboard of run files or folders of them", .order = 4, .add_options = add_options};
}

}  // namespace qrun
