#include "plan/builder.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "plan/operands.h"

namespace qrun {
namespace {

/// Makes the op hand back its gradient as that of `dx`.
void hand_back_to(Op& op, BufferId dx) {
  std::visit(
      [dx]<class T>(T& o) {
        if constexpr (T::kInfo.passes_on) o.dx = dx;
      },
      op);
  QRUN_CHECK(writes(op, Operand::gradient(dx)), "only ops that pass a gradient on hand back a part of one");
}

}  // namespace

Builder::Builder(Plan plan) : plan_(std::move(plan)) {}

BufferId Builder::add_buffer(const std::string& layer, const Shape& shape, bool has_gradient) {
  plan_.buffers.push_back({layer, shape, has_gradient});
  return static_cast<BufferId>(plan_.buffers.size()) - 1;
}

ParamId Builder::add_param(Blob blob) {
  QRUN_CHECK(info_of(blob.role).trained, "parameters are what the solver trains");
  plan_.params.push_back(std::move(blob));
  return static_cast<ParamId>(plan_.params.size()) - 1;
}

StatisticId Builder::add_statistic(Blob blob) {
  QRUN_CHECK(!info_of(blob.role).trained, "statistics are what ops move");
  plan_.statistics.push_back(std::move(blob));
  return static_cast<StatisticId>(plan_.statistics.size()) - 1;
}

SlotId Builder::add_activation(const std::string& layer, BufferId x) {
  const StatisticId range =
      add_statistic({.layer = layer, .place = Place::kActivation, .role = BlobRole::kRange, .dims = {1}});
  plan_.activations.push_back({layer, x, range});
  return static_cast<SlotId>(plan_.activations.size()) - 1;
}

/// Of several gradients of one buffer each becomes a part, and their sum the gradient. Readers stand in order here, and
/// run in reverse: what stands in front of the first is what runs behind it.
void Builder::sum_gradients(BufferId id) {
  std::vector<std::size_t> at;
  for (std::size_t i = 0; i < backward_.size(); ++i) {
    if (writes(backward_[i].op, Operand::gradient(id))) at.push_back(i);
  }
  if (at.size() < 2) return;
  SumGradientsOp sum{.dx = id, .parts = {}};
  for (const std::size_t i : at) {
    const BufferInfo whole = plan_.buffers[static_cast<std::size_t>(id)];
    plan_.buffers.push_back({whole.layer, whole.shape, true, false});
    sum.parts.push_back(static_cast<BufferId>(plan_.buffers.size()) - 1);
    hand_back_to(backward_[i].op, sum.parts.back());
  }
  backward_.insert(backward_.begin() + static_cast<std::ptrdiff_t>(at.front()), {Phase::kBackward, sum});
}

bool Builder::masks_gradient(ParamId param) const {
  return std::ranges::any_of(plan_.runs, [param](const RunSettings& run) {
    return run.params[static_cast<std::size_t>(param)].quant.masks();
  });
}

/// What becomes of gradients: their mean over batches, masks, the limit of their norm, steps of the solver.
void Builder::add_updates() {
  const auto params = static_cast<ParamId>(plan_.params.size());
  const std::int64_t batches = plan_.accumulate;
  for (ParamId p = 0; p < params && batches > 1; ++p)
    plan_.steps.push_back({Phase::kAccumulate, AccumulateGradientOp{p}});
  for (ParamId p = 0; p < params && batches > 1; ++p)
    plan_.steps.push_back({Phase::kUpdate, MeanGradientOp{p, batches}});
  for (ParamId p = 0; p < params; ++p) {
    if (masks_gradient(p)) plan_.steps.push_back({Phase::kUpdate, QuantizeParamBackwardOp{p}});
  }
  if (std::ranges::any_of(plan_.runs, [](const RunSettings& run) { return run.solver.clip_gradients > 0; }))
    plan_.steps.push_back({Phase::kUpdate, ClipGradientsOp{params}});
  for (ParamId p = 0; p < params; ++p) plan_.steps.push_back({Phase::kUpdate, UpdateOp{p}});
}

Plan Builder::finish(std::vector<RunSettings> runs) && {
  plan_.runs = std::move(runs);
  const auto buffers = static_cast<BufferId>(plan_.buffers.size());
  for (BufferId id = 0; id < buffers; ++id) sum_gradients(id);
  const auto params = static_cast<ParamId>(plan_.params.size());
  for (ParamId p = 0; p < params; ++p) {
    if (info_of(plan_.params[static_cast<std::size_t>(p)].role).may_be_quantized)
      plan_.steps.push_back({Phase::kQuantize, QuantizeParamOp{p}});
  }
  plan_.steps.insert(plan_.steps.end(), forward_.begin(), forward_.end());
  plan_.steps.insert(plan_.steps.end(), loss_.begin(), loss_.end());
  plan_.steps.insert(plan_.steps.end(), backward_.rbegin(), backward_.rend());
  add_updates();
  return std::move(plan_);
}

}  // namespace qrun
