// Grows a Plan while layers are lowered: buffers, parameters, forward steps, and backward steps in reverse.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "plan/plan.h"

namespace qrun {

class Builder {
 public:
  explicit Builder(Plan plan) : plan_(std::move(plan)) {}

  [[nodiscard]] const Shape& shape(BufferId id) const { return plan_.buffers[static_cast<std::size_t>(id)].shape; }
  [[nodiscard]] bool has_gradient(BufferId id) const {
    return plan_.buffers[static_cast<std::size_t>(id)].has_gradient;
  }

  [[nodiscard]] const Plan& plan() const { return plan_; }

  BufferId add_buffer(const std::string& layer, const Shape& shape, bool has_gradient) {
    plan_.buffers.push_back({layer, shape, has_gradient});
    return static_cast<BufferId>(plan_.buffers.size()) - 1;
  }
  ParamId add_param(ParamInfo info) {
    plan_.params.push_back(std::move(info));
    return static_cast<ParamId>(plan_.params.size()) - 1;
  }
  SlotId add_activation(const std::string& layer, BufferId x) {
    plan_.activations.push_back({layer, x});
    return static_cast<SlotId>(plan_.activations.size()) - 1;
  }

  void forward(const Op& op) { forward_.push_back({Phase::kForward, op}); }
  void loss(const Op& op) { loss_.push_back({Phase::kLoss, op}); }
  /// Backward steps run in the reverse order of these calls.
  void backward(const Op& op) { backward_.push_back({Phase::kBackward, op}); }

  /// The plan with its steps in order of phase.
  [[nodiscard]] Plan finish() && {
    const auto params = static_cast<ParamId>(plan_.params.size());
    for (ParamId p = 0; p < params; ++p) plan_.steps.push_back({Phase::kQuantize, QuantizeParamOp{p}});
    plan_.steps.insert(plan_.steps.end(), forward_.begin(), forward_.end());
    plan_.steps.insert(plan_.steps.end(), loss_.begin(), loss_.end());
    plan_.steps.insert(plan_.steps.end(), backward_.rbegin(), backward_.rend());
    for (ParamId p = 0; p < params; ++p) plan_.steps.push_back({Phase::kUpdate, UpdateOp{p}});
    return std::move(plan_);
  }

 private:
  Plan plan_;
  std::vector<Step> forward_, loss_, backward_;
};

}  // namespace qrun
