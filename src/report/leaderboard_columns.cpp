#include "report/leaderboard_columns.h"

#include <algorithm>

namespace qrun {

std::vector<std::string> addresses_of(const Leaderboard& board) {
  std::vector<std::string> addresses;
  for (const LeaderboardRow& run : board.rows) {
    for (const auto& [address, text] : run.columns) {
      if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
    }
  }
  return addresses;
}

std::string value_at(const LeaderboardRow& run, const std::string& address) {
  const auto at = std::ranges::find(run.columns, address, &std::pair<std::string, std::string>::first);
  return at == run.columns.end() ? "" : at->second;
}

}  // namespace qrun
