#include "cuda/submit.h"

#include "cuda/activation.h"
#include "cuda/batch_norm.h"
#include "cuda/library_convs.h"

namespace qrun::cuda {
namespace {

/// Submits a product to the library; false where the engine's own is to compute it.
bool by_library(Direction direction, const Scope& scope, const ConvShape& s, const ConvOperands& operands) {
  return scope.by_library != nullptr && scope.by_library->run(direction, scope, s, operands);
}

}  // namespace

bool Submitter::both(const Op& op, const Op& next) const {
  if (!fused_) return false;
  if (const auto* quantize = std::get_if<QuantizeOp>(&op)) {
    const auto* relu = std::get_if<ReluOp>(&next);
    if (relu == nullptr || relu->x != quantize->y) return false;
    quantize_and_relu(*quantize, *relu);
    return true;
  }
  if (const auto* relu = std::get_if<ReluBackwardOp>(&op)) {
    const auto* quantize = std::get_if<QuantizeBackwardOp>(&next);
    if (quantize == nullptr || quantize->y != relu->dx) return false;
    relu_and_quantize_backward(*relu, *quantize);
    return true;
  }
  return false;
}

void Submitter::quantize_and_relu(const QuantizeOp& quantize, const ReluOp& relu) const {
  fit(quantize.slot, quantize.x);
  quantize_relu(scope_, memory_.size(quantize.x), memory_.value(quantize.x, first_), memory_.value(quantize.y, first_),
                memory_.value(relu.y, first_), memory_.activation(quantize.slot, first_));
}

void Submitter::relu_and_quantize_backward(const ReluBackwardOp& relu, const QuantizeBackwardOp& quantize) const {
  quantize_relu_backward(scope_, memory_.size(relu.dx), memory_.value(quantize.x, first_),
                         memory_.value(relu.y, first_), memory_.gradient(relu.y, first_),
                         memory_.gradient(relu.dx, first_), memory_.gradient(quantize.dx, first_),
                         memory_.activation(quantize.slot, first_));
}

void Submitter::operator()(const QuantizeParamOp& op) const {
  quantize_params(scope_.stream, memory_.table(first_, op.param), memory_.passes_of_params(), memory_.workspace());
}

void Submitter::operator()(const QuantizeParamBackwardOp& op) const {
  quantize_params_backward(scope_.stream, memory_.table(first_, op.param));
}

void Submitter::operator()(const Conv2dOp& op) const {
  const ConvOperands operands{.x = memory_.value(op.x, first_),
                              .y = memory_.value(op.y, first_),
                              .w = memory_.param(op.w, first_),
                              .b = op.b == kNone ? Tensor{} : memory_.param(op.b, first_),
                              .taps = memory_.taps(op.s),
                              .space = memory_.data_space()};
  const Fitting fitted = fused_ ? fitting(memory_.slot_of_product(op.y)) : Fitting{};
  if (by_library(Direction::kForward, scope_, op.s, operands))
    return add_bias(scope_, op.s, operands.y, operands.b, fitted);
  conv2d(scope_, op.s, operands, fitted);
}

void Submitter::operator()(const LinearOp& op) const { (*this)(Conv2dOp{op.x, op.y, op.w, op.b, op.product()}); }

void Submitter::operator()(const Conv2dBackwardDataOp& op) const {
  const ConvOperands operands{.x = memory_.gradient(op.dx, first_),
                              .y = memory_.gradient(op.y, first_),
                              .w = memory_.param(op.w, first_),
                              .taps = memory_.taps_of_gradient(op.s),
                              .space = memory_.data_space()};
  if (by_library(Direction::kData, scope_, op.s, operands)) return;
  conv2d_backward_data(scope_, op.s, operands);
}

void Submitter::operator()(const LinearBackwardDataOp& op) const {
  (*this)(Conv2dBackwardDataOp{op.dx, op.y, op.w, op.product()});
}

void Submitter::operator()(const Conv2dBackwardWeightOp& op) const {
  Scope scope = scope_;
  if (branch_ != nullptr) {
    branch_->fork(*main_);
    scope.stream = branch_->get();
  }
  const ConvOperands operands{.x = memory_.value(op.x, first_),
                              .y = memory_.gradient(op.y, first_),
                              .w = memory_.param_gradient(op.w, first_),
                              .b = op.b == kNone ? Tensor{} : memory_.param_gradient(op.b, first_),
                              .taps = memory_.taps(op.s),
                              .space = memory_.weight_space()};
  if (by_library(Direction::kWeight, scope, op.s, operands)) return bias_gradient(scope, op.s, operands.y, operands.b);
  conv2d_backward_weight(scope, op.s, operands);
}

void Submitter::operator()(const LinearBackwardWeightOp& op) const {
  (*this)(Conv2dBackwardWeightOp{op.x, op.y, op.w, op.b, op.product()});
}

void Submitter::operator()(const MaxPool2dOp& op) const {
  max_pool2d(scope_, op.s, memory_.value(op.x, first_), memory_.value(op.y, first_), memory_.argmax(op.y, first_),
             nullptr);
}

void Submitter::operator()(const MaxPool2dBackwardOp& op) const {
  max_pool2d_backward(scope_, op.s, {}, memory_.gradient(op.y, first_), memory_.argmax(op.y, first_),
                      memory_.gradient(op.dx, first_), nullptr);
}

void Submitter::operator()(const QuantizeMaxPool2dOp& op) const {
  fit(op.slot, op.x);
  max_pool2d(scope_, op.s, memory_.value(op.x, first_), memory_.value(op.y, first_), memory_.argmax(op.y, first_),
             memory_.activation(op.slot, first_));
}

void Submitter::operator()(const QuantizeMaxPool2dBackwardOp& op) const {
  max_pool2d_backward(scope_, op.s, memory_.value(op.x, first_), memory_.gradient(op.y, first_),
                      memory_.argmax(op.y, first_), memory_.gradient(op.dx, first_),
                      memory_.activation(op.slot, first_));
}

void Submitter::operator()(const AvgPool2dOp& op) const {
  avg_pool2d(scope_, op.s, op.count_include_pad, memory_.value(op.x, first_), memory_.value(op.y, first_));
}

void Submitter::operator()(const AvgPool2dBackwardOp& op) const {
  avg_pool2d_backward(scope_, op.s, op.count_include_pad, memory_.gradient(op.y, first_),
                      memory_.gradient(op.dx, first_));
}

void Submitter::operator()(const ReluOp& op) const {
  relu(scope_, memory_.size(op.x), memory_.value(op.x, first_), memory_.value(op.y, first_));
}

void Submitter::operator()(const ReluBackwardOp& op) const {
  relu_backward(scope_, memory_.size(op.dx), memory_.value(op.y, first_), memory_.gradient(op.y, first_),
                memory_.gradient(op.dx, first_));
}

void Submitter::operator()(const ActivationOp& op) const {
  activate(scope_, memory_.size(op.x), op.activation, memory_.value(op.x, first_), memory_.value(op.y, first_));
}

void Submitter::operator()(const ActivationBackwardOp& op) const {
  activate_backward(scope_, memory_.size(op.dx), op.activation, memory_.value(op.y, first_),
                    memory_.gradient(op.y, first_), memory_.gradient(op.dx, first_));
}

void Submitter::operator()(const BatchNormMomentsOp& op) const {
  const MomentsOperands operands{.x = memory_.value(op.x, first_),
                                 .moments = memory_.moments(op.y, first_),
                                 .statistics = {.mean = memory_.statistic(op.mean, first_),
                                                .variance = memory_.statistic(op.variance, first_),
                                                .count = memory_.statistic(op.count, first_),
                                                .momenta = memory_.momenta(op.mean, first_)},
                                 .eps = op.eps,
                                 .partials = memory_.workspace().partials,
                                 .control = memory_.control(first_),
                                 .place = memory_.places().statistic(op.mean)};
  if (scope_.training && !op.frozen) return batch_norm_moments(scope_, op.s, operands);
  batch_norm_running_moments(scope_, op.s, operands);
}

void Submitter::operator()(const BatchNormOp& op) const {
  batch_norm(scope_, op.s,
             {.x = memory_.value(op.x, first_),
              .y = memory_.value(op.y, first_),
              .moments = memory_.moments(op.y, first_),
              .w = op.w == kNone ? Tensor{} : memory_.param(op.w, first_),
              .b = op.b == kNone ? Tensor{} : memory_.param(op.b, first_)});
}

void Submitter::operator()(const BatchNormBackwardWeightOp& op) const {
  batch_norm_backward_weight(scope_, op.s,
                             {.x = memory_.value(op.x, first_),
                              .dy = memory_.gradient(op.y, first_),
                              .moments = memory_.moments(op.y, first_),
                              .moments_gradient = memory_.moments_gradient(op.y, first_),
                              .w = op.w == kNone ? Tensor{} : memory_.param_gradient(op.w, first_),
                              .b = op.b == kNone ? Tensor{} : memory_.param_gradient(op.b, first_)},
                             memory_.workspace().partials);
}

void Submitter::operator()(const BatchNormBackwardDataOp& op) const {
  batch_norm_backward_data(scope_, op.s,
                           {.x = memory_.value(op.x, first_),
                            .dy = memory_.gradient(op.y, first_),
                            .dx = memory_.gradient(op.dx, first_),
                            .moments = memory_.moments(op.y, first_),
                            .moments_gradient = op.frozen ? Tensor{} : memory_.moments_gradient(op.y, first_),
                            .w = op.w == kNone ? Tensor{} : memory_.param(op.w, first_)});
}

void Submitter::drop_out(DropoutId id, std::int64_t size, Tensor x, Tensor y) const {
  dropout(scope_, size,
          {.x = x,
           .y = y,
           .states = memory_.dropout(id, first_),
           .control = memory_.control(first_),
           .number = static_cast<std::uint32_t>(id),
           .values = memory_.train_batch() * size,
           .batches = memory_.batches()});
}

void Submitter::operator()(const DropoutOp& op) const {
  drop_out(op.id, memory_.size(op.x), memory_.value(op.x, first_), memory_.value(op.y, first_));
}

void Submitter::operator()(const DropoutBackwardOp& op) const {
  drop_out(op.id, memory_.size(op.dx), memory_.gradient(op.y, first_), memory_.gradient(op.dx, first_));
}

Fitting Submitter::fitting(SlotId slot) const {
  if (slot == kNone) return {};
  return {.states = memory_.activation(slot, first_),
          .control = memory_.control(first_),
          .place = memory_.places().activation(slot),
          .training = scope_.training,
          .has_maxima = false,
          .workspace = memory_.workspace()};
}

void Submitter::fit(SlotId slot, BufferId x) const {
  Fitting how = fitting(slot);
  how.has_maxima = fused_ && memory_.slot_of_product(x) == slot;
  fit_activation(scope_, memory_.size(x), memory_.value(x, first_), how, memory_.passes(slot, how.has_maxima));
}

void Submitter::operator()(const QuantizeOp& op) const {
  fit(op.slot, op.x);
  quantize(scope_, memory_.size(op.x), memory_.value(op.x, first_), memory_.value(op.y, first_),
           memory_.activation(op.slot, first_));
}

void Submitter::operator()(const QuantizeBackwardOp& op) const {
  quantize_backward(scope_, memory_.size(op.x), memory_.value(op.x, first_), memory_.gradient(op.y, first_),
                    memory_.gradient(op.dx, first_), memory_.activation(op.slot, first_));
}

void Submitter::operator()(const SumGradientsOp& op) const {
  const Tensor dx = memory_.gradient(op.dx, first_);
  Tensor sum = memory_.gradient(op.parts.front(), first_);
  for (std::size_t part = 1; part < op.parts.size(); ++part) {
    add_gradients(scope_, memory_.size(op.dx), sum, memory_.gradient(op.parts[part], first_), dx);
    sum = dx;
  }
}

void Submitter::operator()(const SoftmaxCrossEntropyOp& op) const {
  softmax_cross_entropy(scope_, op.classes,
                        {.x = memory_.value(op.x, first_),
                         .dx = memory_.gradient(op.x, first_),
                         .labels = memory_.labels(first_),
                         .labels_stride = memory_.largest_batch(),
                         .numbers = memory_.numbers(first_),
                         .control = memory_.control(first_),
                         .place = memory_.places().loss(),
                         .predictions = predictions_,
                         .ranks = ranks_,
                         .items = items_,
                         .first = first_item_});
}

void Submitter::operator()(const AccumulateGradientOp& op) const {
  accumulate_gradients(scope_.stream, memory_.table(first_, op.param));
}

void Submitter::operator()(const MeanGradientOp& op) const {
  mean_gradients(scope_.stream, memory_.table(first_, op.param), op.batches);
}

void Submitter::operator()(const ClipGradientsOp& /*op*/) const {
  clip_gradients(scope_.stream, memory_.table(first_), memory_.clipping(first_, 1));
}

void Submitter::operator()(const UpdateOp& op) const {
  update_params(scope_.stream, memory_.table(first_, op.param), rates_, memory_.runs());
}

}  // namespace qrun::cuda
