#include "plan/fuse.h"

#include <algorithm>
#include <cstddef>

namespace qrun {
namespace {

template <class T>
const T* find_op(const std::vector<Step>& steps, auto&& matches) {
  for (const Step& step : steps) {
    if (const T* op = std::get_if<T>(&step.op); op != nullptr && matches(*op)) return op;
  }
  return nullptr;
}

/// True if a forward op other than `pool` reads buffer `id`.
bool read_elsewhere(const std::vector<Step>& steps, BufferId id) {
  int readers = 0;
  for (const Step& step : steps) {
    if (step.phase != Phase::kForward && step.phase != Phase::kLoss) continue;
    std::visit(
        [&](const auto& op) {
          if constexpr (requires { op.x; }) readers += op.x == id ? 1 : 0;
        },
        step.op);
  }
  return readers > 1;
}

/// Replaces the first of the two steps by `fused` and drops the second.
template <class First, class Second>
void replace_pair(std::vector<Step>& steps, BufferId middle, const Op& fused) {
  const auto is_first = [&](const Step& step) {
    const First* op = std::get_if<First>(&step.op);
    return op != nullptr && (op->y == middle || op->x == middle);
  };
  const auto is_second = [&](const Step& step) {
    const Second* op = std::get_if<Second>(&step.op);
    return op != nullptr && (op->y == middle || op->x == middle);
  };
  const auto first = std::ranges::find_if(steps, is_first);
  if (first == steps.end()) return;  // a plan without gradient there
  first->op = fused;
  std::erase_if(steps, is_second);
}

}  // namespace

Plan fuse_quantize_pool(Plan plan) {
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const QuantizeOp* found = std::get_if<QuantizeOp>(&plan.steps[i].op);
    if (found == nullptr) continue;
    const QuantizeOp quantize = *found;
    const auto* pool = find_op<MaxPool2dOp>(plan.steps, [&](const auto& op) { return op.x == quantize.y; });
    if (pool == nullptr || read_elsewhere(plan.steps, quantize.y)) continue;
    const BufferId pooled = pool->y;
    const PoolShape s = pool->s;
    replace_pair<QuantizeOp, MaxPool2dOp>(plan.steps, quantize.y,
                                          QuantizeMaxPool2dOp{quantize.x, pooled, quantize.slot, s});
    replace_pair<MaxPool2dBackwardOp, QuantizeBackwardOp>(
        plan.steps, quantize.y, QuantizeMaxPool2dBackwardOp{quantize.x, pooled, quantize.slot, s});
    plan.buffers[static_cast<std::size_t>(quantize.y)].shape = {};
  }
  return plan;
}

}  // namespace qrun
