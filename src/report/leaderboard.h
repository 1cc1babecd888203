// Runs side by side: what files and folders hold, as a table, CSV or JSON.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "store/columns.h"
#include "store/run_file.h"

namespace qrun {

/// A run as its file or its journal has it. Of one under way configuration and data are not known.
struct LeaderboardRow : RunRecord {
  std::string path;
  std::string where;         // of a run under way: its node and element of a scheduler, or its host and process
  Values columns;            // what was swept, and what else tells the rows apart
  RunValues values;          // what they come from
  std::string changed_data;  // what of its data is another one by now; set by who can read data sets
};

struct Leaderboard {
  std::vector<LeaderboardRow> rows;   // best final accuracy first; runs without one last
  std::vector<std::string> problems;  // files that could not be read, each with its reason
  std::vector<std::string> notes;     // files that are left out: of a run that another one counts for
  std::int64_t others = 0;            // runs that were not wanted
};

/// Runs that differ in their seed only: what a sweep compares.
struct LeaderboardGroup {
  Values columns;  // without `seed`
  std::string name;
  std::int64_t runs = 0, complete = 0;
  double accuracy = 0;                // mean of the complete runs; NaN without one
  double half_width = 0;              // of its 95 % interval, by Student's t; NaN with less than two
  double loss = 0, wall_seconds = 0;  // means
  LeaderboardRow example;             // for what the network costs
  bool overlaps_next = false;         // the intervals of this group and of the one behind it overlap
};

/// Run files named, and those in folders named (not below), with runs still under way where a journal stands alone.
/// Each run counts once; files that are not qrun's are passed over in folders.
[[nodiscard]] Leaderboard collect_runs(const std::vector<std::string>& paths);

/// Says which runs collect_runs() takes.
using Wanted = std::function<bool(const std::string& run_id)>;
[[nodiscard]] Leaderboard collect_runs(const std::vector<std::string>& paths, const Wanted& wanted);

/// Returns the median of the speed over the epochs; NaN without one.
[[nodiscard]] double images_per_second(const RunRecord& run);

/// False for a run that trains now, and for one of which only a journal is left.
[[nodiscard]] bool has_group(const LeaderboardRow& row);

/// Returns the groups of the runs that have one; best mean first, groups without a complete run last.
[[nodiscard]] std::vector<LeaderboardGroup> group_by_seed(const Leaderboard& board);

/// The half width of a 95 % interval around a mean of n values with this sum of squared deviations; NaN for n < 2.
[[nodiscard]] double interval_half_width(double squares, std::int64_t n);

/// A line for each change of data and the runs that saw what was before; "" where no run is marked.
[[nodiscard]] std::string changed_data_lines(const Leaderboard& board);

/// One line a run, and the mean over seeds where they were swept; where something else was, one line a group.
[[nodiscard]] std::string to_table(const Leaderboard& board);
[[nodiscard]] std::string to_csv(const Leaderboard& board);
[[nodiscard]] std::string to_json(const Leaderboard& board);

}  // namespace qrun
