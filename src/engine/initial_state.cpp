#include "engine/initial_state.h"

#include "plan/lower.h"

namespace qrun {

RunState initial_state(const Plan& plan, int run) {
  constexpr double kNoBatchYet = -1;
  const int histories = history_of(plan.runs[static_cast<std::size_t>(run)].solver.type).count;
  RunState state;
  for (std::size_t p = 0; p < plan.params.size(); ++p) {
    const std::vector<float> none(static_cast<std::size_t>(plan.params[p].size()), 0.0F);
    state.params.push_back({initial_values(plan, run, static_cast<ParamId>(p)),
                            std::vector<std::vector<float>>(static_cast<std::size_t>(histories), none)});
  }
  state.ranges.assign(plan.activations.size(), kNoBatchYet);
  return state;
}

}  // namespace qrun
