// Grows a Plan while layers are lowered: buffers, blobs, forward steps, and backward steps in reverse.
#pragma once

#include <string>
#include <vector>

#include "plan/plan.h"

namespace qrun {

class Builder {
 public:
  explicit Builder(Plan plan);

  /// Returns a copy: the next buffer that is added moves all of them.
  [[nodiscard]] Shape shape(BufferId id) const { return plan_.buffers[static_cast<std::size_t>(id)].shape; }
  [[nodiscard]] bool has_gradient(BufferId id) const {
    return plan_.buffers[static_cast<std::size_t>(id)].has_gradient;
  }

  /// The plan so far, without steps.
  [[nodiscard]] const Plan& plan() const { return plan_; }

  BufferId add_buffer(const std::string& layer, const Shape& shape, bool has_gradient);
  ParamId add_param(Blob blob);
  StatisticId add_statistic(Blob blob);
  DropoutId add_dropout() { return plan_.dropouts++; }
  /// Adds a slot behind buffer `x`, and its range.
  SlotId add_activation(const std::string& layer, BufferId x);

  void forward(const Op& op) { forward_.push_back({Phase::kForward, op}); }
  void loss(const Op& op) { loss_.push_back({Phase::kLoss, op}); }
  /// Backward steps run in the reverse order of these calls. Each op overwrites the gradient that it hands back; where
  /// several hand back one, finish() makes a sum of it.
  void backward(const Op& op) { backward_.push_back({Phase::kBackward, op}); }

  /// Returns the plan of these runs, its steps in order of phase. Settings are those of all parameters and slots.
  [[nodiscard]] Plan finish(std::vector<RunSettings> runs) &&;

 private:
  void sum_gradients(BufferId id);
  [[nodiscard]] bool masks_gradient(ParamId param) const;
  void add_updates();

  Plan plan_;
  std::vector<Step> forward_, loss_, backward_;
};

}  // namespace qrun
