// All that training owns of a run. Checkpoints hold it, runs start from it, files of runs are made from it.
#pragma once

#include <cstdint>
#include <vector>

namespace qrun {

/// All that a run needs to start and to go on: functions of seed and iteration give the rest.
struct TrainingState {
  struct Param {
    std::vector<float> master;
    std::vector<std::vector<float>> history;  // as history_of() says
  };
  std::int64_t iteration = 0;
  std::vector<Param> params;                    // [Plan::params]
  std::vector<std::vector<double>> statistics;  // [Plan::statistics]
};

}  // namespace qrun
