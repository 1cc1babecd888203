// Means and intervals over seeds.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "report/leaderboard.h"

namespace qrun {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// 97.5 % quantiles of Student's t for 1 to 30 degrees of freedom; beyond, the first terms of its expansion about the
/// normal quantile (Abramowitz and Stegun 26.7.5).
double student_quantile(std::int64_t degrees) {
  constexpr std::array<double, 30> kTable = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
                                             2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
                                             2.080,  2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042};
  if (degrees <= std::ssize(kTable)) return kTable[static_cast<std::size_t>(degrees - 1)];
  constexpr double z = 1.959964;
  const auto n = static_cast<double>(degrees);
  return z + (z * z * z + z) / (4.0 * n) + (5.0 * z * z * z * z * z + 16.0 * z * z * z + 3.0 * z) / (96.0 * n * n);
}

Values without_seed(Values columns) {
  std::erase_if(columns, [](const auto& pair) { return pair.first == "seed"; });
  return columns;
}

void summarise(LeaderboardGroup& group, const std::vector<const LeaderboardRow*>& rows) {
  std::vector<double> accuracies;
  for (const LeaderboardRow* row : rows) {
    if (row->status != RunStatus::kComplete) continue;
    accuracies.push_back(row->final_test_accuracy);
    group.loss += row->final_test_loss;
    group.wall_seconds += row->wall_seconds;
    group.example = *row;
  }
  group.runs = std::ssize(rows);
  group.complete = std::ssize(accuracies);
  const auto n = static_cast<double>(group.complete);
  for (const double accuracy : accuracies) group.accuracy += accuracy / n;
  double squares = 0;
  for (const double accuracy : accuracies) squares += (accuracy - group.accuracy) * (accuracy - group.accuracy);
  group.half_width = interval_half_width(squares, group.complete);
  group.loss /= n;
  group.wall_seconds /= n;
  if (group.complete == 0) group.accuracy = kNaN;
}

bool overlap(const LeaderboardGroup& a, const LeaderboardGroup& b) {
  return std::fabs(a.accuracy - b.accuracy) <= a.half_width + b.half_width;  // false where one has no interval
}

}  // namespace

double interval_half_width(double squares, std::int64_t n) {
  if (n < 2) return kNaN;
  const auto count = static_cast<double>(n);
  return student_quantile(n - 1) * std::sqrt(squares / (count - 1) / count);
}

bool has_group(const LeaderboardRow& row) { return row.status != RunStatus::kRunning && !row.values.config.empty(); }

std::vector<LeaderboardGroup> group_by_seed(const Leaderboard& board) {
  std::vector<LeaderboardGroup> groups;
  std::vector<std::vector<const LeaderboardRow*>> members;
  for (const LeaderboardRow& row : board.rows) {
    if (!has_group(row)) continue;
    const Values columns = without_seed(row.columns);
    const auto at = std::ranges::find(groups, columns, &LeaderboardGroup::columns);  // a name defines no run
    const auto index = static_cast<std::size_t>(at - groups.begin());
    if (at == groups.end()) {
      groups.push_back({.columns = columns, .name = row.name, .example = row});
      members.emplace_back();
    }
    members[index].push_back(&row);
  }
  for (std::size_t i = 0; i < groups.size(); ++i) summarise(groups[i], members[i]);
  const auto key = [](const LeaderboardGroup& group) { return std::isnan(group.accuracy) ? -1.0 : group.accuracy; };
  std::ranges::stable_sort(groups, [&](const auto& a, const auto& b) { return key(a) > key(b); });
  for (std::size_t i = 0; i + 1 < groups.size(); ++i) groups[i].overlaps_next = overlap(groups[i], groups[i + 1]);
  return groups;
}

}  // namespace qrun
