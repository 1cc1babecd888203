#include "plan/fuse.h"

#include <algorithm>
#include <cstddef>

#include "plan/operands.h"

namespace qrun {
namespace {

using Steps = std::vector<Step>;

/// The only step that reads a buffer on the way to the loss; the end where there is none, or more than one.
Steps::iterator only_reader(Steps& steps, BufferId id) {
  const auto is_reader = [id](const Step& step) {
    return (step.phase == Phase::kForward || step.phase == Phase::kLoss) && reads(step.op, Operand::value(id));
  };
  const auto first = std::ranges::find_if(steps, is_reader);
  if (first == steps.end() || std::find_if(first + 1, steps.end(), is_reader) != steps.end()) return steps.end();
  return first;
}

/// The step that writes the gradient of a buffer; the end in a plan without one.
Steps::iterator writer_of_gradient(Steps& steps, BufferId id) {
  return std::ranges::find_if(steps, [id](const Step& step) { return writes(step.op, Operand::gradient(id)); });
}

/// The step that reads the gradient of a buffer; the end in a plan without one.
Steps::iterator reader_of_gradient(Steps& steps, BufferId id) {
  return std::ranges::find_if(steps, [id](const Step& step) { return reads(step.op, Operand::gradient(id)); });
}

/// Fuses the backward steps of a quantizer whose output, `middle`, one pooling reads.
void fuse_backward(Steps& steps, BufferId middle) {
  const auto pool = writer_of_gradient(steps, middle);
  const auto quantize = reader_of_gradient(steps, middle);
  if (pool == steps.end() || quantize == steps.end()) return;  // a plan without gradient there
  const auto& from = std::get<MaxPool2dBackwardOp>(pool->op);
  const auto& to = std::get<QuantizeBackwardOp>(quantize->op);
  pool->op = QuantizeMaxPool2dBackwardOp{to.x, from.y, to.slot, from.s, to.dx};
  steps.erase(quantize);
}

/// Makes the gradient of a matrix product go where a flatten would have taken it, and its weight's come from there.
void skip_backward(Steps& steps, BufferId flat, BufferId x) {
  for (Step& step : steps) {
    auto* weight = std::get_if<LinearBackwardWeightOp>(&step.op);
    if (weight != nullptr && weight->x == flat) weight->x = x;
  }
  const auto linear = writer_of_gradient(steps, flat);
  const auto flatten = reader_of_gradient(steps, flat);
  if (linear == steps.end() || flatten == steps.end()) return;  // a plan without gradient there
  std::get<LinearBackwardDataOp>(linear->op).dx = std::get<ConcatBackwardOp>(flatten->op).dx;
  steps.erase(flatten);
}

}  // namespace

Plan skip_flatten(Plan plan) {
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const auto* flatten = std::get_if<ConcatOp>(&plan.steps[i].op);
    if (flatten == nullptr || flatten->x.size() != 1) continue;
    const BufferId x = flatten->x[0];
    const BufferId flat = flatten->y;
    const auto reader = only_reader(plan.steps, flat);
    auto* linear = reader == plan.steps.end() ? nullptr : std::get_if<LinearOp>(&reader->op);
    if (linear == nullptr) continue;
    linear->x = x;
    skip_backward(plan.steps, flat, x);
    plan.steps.erase(plan.steps.begin() + static_cast<std::ptrdiff_t>(i--));
    plan.buffers[static_cast<std::size_t>(flat)].shape = {};
  }
  return plan;
}

Plan fuse_quantize_pool(Plan plan) {
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const auto* quantize = std::get_if<QuantizeOp>(&plan.steps[i].op);
    if (quantize == nullptr) continue;
    const BufferId middle = quantize->y;
    const auto reader = only_reader(plan.steps, middle);
    const auto* pool = reader == plan.steps.end() ? nullptr : std::get_if<MaxPool2dOp>(&reader->op);
    if (pool == nullptr) continue;
    plan.steps[i].op = QuantizeMaxPool2dOp{quantize->x, pool->y, quantize->slot, pool->s};
    plan.steps.erase(reader);
    fuse_backward(plan.steps, middle);
    plan.buffers[static_cast<std::size_t>(middle)].shape = {};
  }
  return plan;
}

}  // namespace qrun
