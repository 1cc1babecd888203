// Runs side by side: what files and folders hold, as a table, CSV or JSON.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "store/run_file.h"

namespace qrun {

struct LeaderboardRow {
  std::string path, run_id, name, status, engine, error;
  std::vector<std::pair<std::string, std::string>> swept;
  std::int64_t epochs = 0;
  double final_test_accuracy = 0, best_test_accuracy = 0, final_test_loss = 0;  // NaN where there was no test
  double images_per_second = 0;                                                 // median over the epochs
  double wall_seconds = 0;
  std::int64_t model_bits = 0, model_bits_float = 0;
};

struct Leaderboard {
  std::vector<LeaderboardRow> rows;   // best final accuracy first; runs without one last
  std::vector<std::string> problems;  // files that could not be read, each with its reason
};

/// Run files named, and those in folders named (not below), with runs still under way where a journal stands alone.
[[nodiscard]] Leaderboard collect_runs(const std::vector<std::string>& paths);

[[nodiscard]] std::string to_table(const Leaderboard& board);
[[nodiscard]] std::string to_csv(const Leaderboard& board);
[[nodiscard]] std::string to_json(const Leaderboard& board);

}  // namespace qrun
