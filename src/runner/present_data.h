// What data there is now, for leaderboards: it may have gone, and nothing but its contents is needed.
#pragma once

#include <map>
#include <string>

#include "config/run_spec.h"
#include "core/data_record.h"
#include "report/leaderboard.h"

namespace qrun {

class PresentData {
 public:
  /// Says of each run that has ended what of its data has changed since. What is not there any more, or can't be read,
  /// has not changed, and synthetic digits never do. A data set is read once, however often this is called.
  void mark(Leaderboard& board);

 private:
  [[nodiscard]] std::string changes_of(const LeaderboardRow& row);
  [[nodiscard]] static std::string mean_hash(const DataSpec& data);
  [[nodiscard]] Contents contents(const SourceSpec& source);

  std::map<std::string, Contents> sets_;  // by their paths; without a hash where they can't be read
};

}  // namespace qrun
