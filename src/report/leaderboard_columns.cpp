#include "report/leaderboard_columns.h"

#include <algorithm>
#include <limits>
#include <set>

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

std::vector<std::int64_t> top_ks_of(const Leaderboard& board) {
  std::set<std::int64_t> ks;
  for (const LeaderboardRow& run : board.rows) {
    for (const TopAccuracy& top : run.top) ks.insert(top.k);
  }
  return {ks.begin(), ks.end()};
}

double final_top(const LeaderboardRow& run, std::int64_t k) {
  const auto at = std::ranges::find(run.top, k, &TopAccuracy::k);
  return at == run.top.end() ? std::numeric_limits<double>::quiet_NaN() : at->final_test;
}

std::string value_at(const LeaderboardRow& run, const std::string& address) {
  const auto at = std::ranges::find(run.columns, address, &std::pair<std::string, std::string>::first);
  return at == run.columns.end() ? "" : at->second;
}

}  // namespace qrun
