// What a leaderboard says of runs whose data has changed since.
#include <fmt/format.h>

#include <algorithm>

#include "report/leaderboard.h"

namespace qrun {
namespace {

/// Returns the first few ids, and how many more there are.
std::string some_of(const std::vector<std::string>& ids) {
  constexpr std::size_t kMost = 5;
  const std::vector<std::string> first(ids.begin(), ids.begin() + std::min<std::ptrdiff_t>(kMost, std::ssize(ids)));
  const std::string more = ids.size() > kMost ? fmt::format(" and {} more", ids.size() - kMost) : "";
  return fmt::format("{}{}", fmt::join(first, ", "), more);
}

}  // namespace

std::string changed_data_lines(const Leaderboard& board) {
  std::vector<std::pair<std::string, std::vector<std::string>>> changes;  // and the ids of the runs
  for (const LeaderboardRow& row : board.rows) {
    if (row.changed_data.empty()) continue;
    auto at = std::ranges::find(changes, row.changed_data, [](const auto& pair) { return pair.first; });
    if (at == changes.end()) at = changes.insert(at, {row.changed_data, {}});
    at->second.push_back(row.run_id);
  }
  std::string text;
  for (const auto& [change, ids] : changes) text += fmt::format("{}: other data now: {}\n", some_of(ids), change);
  return text;
}

}  // namespace qrun
