// Ops that make values of values without products: launches of those with several inputs, and of channels.
#include "cuda/channel_scale.h"
#include "cuda/concat.h"
#include "cuda/eltwise.h"
#include "cuda/lrn.h"
#include "cuda/softmax.h"
#include "cuda/submit.h"

namespace qrun::cuda {

void Submitter::operator()(const EltwiseOp& op) const {
  for (std::size_t i = 0; i < op.x.size(); ++i)
    eltwise(scope_, memory_.size(op.y), op.type, op.coefficients[i], memory_.value(op.x[i], first_),
            memory_.value(op.y, first_), i == 0);
}

void Submitter::operator()(const EltwiseBackwardOp& op) const {
  const std::int64_t size = memory_.size(op.dx);
  const Tensor dx = memory_.gradient(op.dx, first_);
  Tensor gradient = memory_.gradient(op.y, first_);
  if (op.type == Eltwise::kSum) return eltwise(scope_, size, op.type, op.coefficient, gradient, dx, true);
  const Tensor x = memory_.value(op.x[static_cast<std::size_t>(op.input)], first_);
  for (int input = 0; input < static_cast<int>(op.x.size()); ++input) {
    if (input == op.input) continue;
    const Tensor other = memory_.value(op.x[static_cast<std::size_t>(input)], first_);
    eltwise_backward(scope_, size, op.type, wins_ties(op.input, input), x, other, gradient, dx);
    gradient = dx;
  }
}

void Submitter::operator()(const ConcatOp& op) const {
  Tensor y = memory_.value(op.y, first_);
  for (const BufferId x : op.x) {
    const std::int64_t size = memory_.size(x);
    copy_images(scope_, size, memory_.value(x, first_), size, y, memory_.size(op.y));
    y.data += size;
  }
}

void Submitter::operator()(const ConcatBackwardOp& op) const {
  Tensor dy = memory_.gradient(op.y, first_);
  dy.data += op.first;
  const std::int64_t size = memory_.size(op.dx);
  copy_images(scope_, size, dy, memory_.size(op.y), memory_.gradient(op.dx, first_), size);
}

void Submitter::operator()(const ChannelScaleOp& op) const {
  channel_scale(scope_, op.s, op.scaled,
                {.x = memory_.value(op.x, first_),
                 .y = memory_.value(op.y, first_),
                 .dy = {},
                 .dx = {},
                 .w = memory_.param(op.w, first_),
                 .b = op.b == kNone ? Tensor{} : memory_.param(op.b, first_)});
}

void Submitter::operator()(const ChannelScaleBackwardWeightOp& op) const {
  channel_scale_backward_weight(scope_, op.s, op.scaled,
                                {.x = memory_.value(op.x, first_),
                                 .y = {},
                                 .dy = memory_.gradient(op.y, first_),
                                 .dx = {},
                                 .w = memory_.param_gradient(op.w, first_),
                                 .b = op.b == kNone ? Tensor{} : memory_.param_gradient(op.b, first_)},
                                memory_.workspace().partials);
}

void Submitter::operator()(const ChannelScaleBackwardDataOp& op) const {
  channel_scale_backward_data(scope_, op.s, op.scaled,
                              {.x = memory_.value(op.x, first_),
                               .y = {},
                               .dy = memory_.gradient(op.y, first_),
                               .dx = memory_.gradient(op.dx, first_),
                               .w = memory_.param(op.w, first_),
                               .b = {}});
}

void Submitter::operator()(const SoftmaxOp& op) const {
  softmax(scope_, op.s, memory_.value(op.x, first_), memory_.value(op.y, first_));
}

void Submitter::operator()(const SoftmaxBackwardOp& op) const {
  softmax_backward(scope_, op.s, memory_.value(op.y, first_), memory_.gradient(op.y, first_),
                   memory_.gradient(op.dx, first_));
}

void Submitter::operator()(const LrnOp& op) const {
  lrn(scope_, op.s, op.lrn,
      {.x = memory_.value(op.x, first_),
       .scale = memory_.value(op.scale, first_),
       .y = memory_.value(op.y, first_),
       .dy = {},
       .dx = {}});
}

void Submitter::operator()(const LrnBackwardOp& op) const {
  lrn_backward(scope_, op.s, op.lrn,
               {.x = memory_.value(op.x, first_),
                .scale = memory_.value(op.scale, first_),
                .y = memory_.value(op.y, first_),
                .dy = memory_.gradient(op.y, first_),
                .dx = memory_.gradient(op.dx, first_)});
}

}  // namespace qrun::cuda
