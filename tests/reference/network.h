// The loss of a plan without quantizers, in double precision: what central differences are taken of.
#pragma once

#include <map>
#include <utility>
#include <variant>

#include "math/dropout.h"
#include "plan/plan.h"
#include "reference/channel_ops.h"
#include "reference/joining.h"

namespace qrun::ref {

using Doubles = std::vector<double>;

inline Doubles values_of(const Sums& sums) {
  Doubles values;
  for (const Sum& sum : sums) values.push_back(sum.value);
  return values;
}

/// Where the loss was taken, the sum of several where a plan has several. Between two points with the same choices
/// every op is smooth.
struct LossPoint {
  double loss = 0;
  std::vector<std::int64_t> choices;  // positions of the maxima, and which side of each relu
};

class Network {
 public:
  /// images [n, c, h, w], params [plan.params].
  Network(const Plan& plan, Doubles images, std::vector<std::int32_t> labels)
      : plan_(plan), labels_(std::move(labels)), buffers_(plan.buffers.size()) {
    buffers_[at(plan.images)] = std::move(images);
  }

  [[nodiscard]] LossPoint loss(const std::vector<Doubles>& params) {
    point_ = {};
    for (const Step& step : plan_.steps) std::visit([&](const auto& op) { run(op, params); }, step.op);
    return point_;
  }

 private:
  [[nodiscard]] std::int64_t n() const { return std::ssize(labels_); }
  /// Empty where there is none.
  [[nodiscard]] static Doubles values(ParamId id, const std::vector<Doubles>& params) {
    return id == kNone ? Doubles{} : params[at(id)];
  }

  using Params = std::vector<Doubles>;

  void run(const Conv2dOp& op, const Params& params) {
    buffers_[at(op.y)] = values_of(conv2d(op.s, n(), x_of(op), params[at(op.w)], values(op.b, params)));
  }
  void run(const LinearOp& op, const Params& params) {
    const ConvShape s = as_conv(op.in, op.out);
    buffers_[at(op.y)] = values_of(conv2d(s, n(), x_of(op), params[at(op.w)], values(op.b, params)));
  }
  void run(const MaxPool2dOp& op, const Params& /*params*/) {
    Doubles y;
    for (const std::int64_t i : argmax(op.s, n(), x_of(op))) {
      y.push_back(x_of(op)[at(i)]);
      point_.choices.push_back(i);
    }
    buffers_[at(op.y)] = std::move(y);
  }
  void run(const AvgPool2dOp& op, const Params& /*params*/) {
    buffers_[at(op.y)] = values_of(avg_pool2d(op.s, n(), op.count_include_pad, x_of(op)));
  }
  void run(const ReluOp& op, const Params& /*params*/) {
    Doubles y;
    for (const double x : x_of(op)) {
      y.push_back(std::max(x, 0.0));
      point_.choices.push_back(x > 0 ? 1 : 0);
    }
    buffers_[at(op.y)] = std::move(y);
  }
  void run(const ActivationOp& op, const Params& /*params*/) {
    Doubles y;
    for (const double x : x_of(op)) {
      y.push_back(activated(op.activation, x));
      point_.choices.push_back(x > 0 ? (x < 6 ? 1 : 2) : 0);
    }
    buffers_[at(op.y)] = std::move(y);
  }
  void run(const BatchNormMomentsOp& op, const Params& /*params*/) {
    channels_[op.y] = channels(op.s, n(), x_of(op), op.eps);
  }
  void run(const BatchNormOp& op, const Params& params) {
    buffers_[at(op.y)] =
        values_of(batch_norm(op.s, n(), x_of(op), channels_.at(op.y), values(op.w, params), values(op.b, params)));
  }
  void run(const ChannelScaleOp& op, const Params& params) {
    const Doubles& x = x_of(op);
    buffers_[at(op.y)] = values_of(channel_scale(op.s, n(), op.scaled, x, params[at(op.w)], values(op.b, params)));
    for (std::size_t i = 0; i < x.size() && op.scaled == Scaled::kNegative; ++i)
      point_.choices.push_back(x[i] > 0 ? 1 : 0);
  }
  void run(const SoftmaxOp& op, const Params& /*params*/) { buffers_[at(op.y)] = softmax(op.s, n(), x_of(op)); }
  void run(const LrnOp& op, const Params& /*params*/) {
    buffers_[at(op.y)] = lrn(op.lrn, x_of(op), lrn_scales(op.s, n(), op.lrn, x_of(op)));
  }
  void run(const DropoutOp& op, const Params& /*params*/) {
    Doubles& y = buffers_[at(op.y)];
    y = x_of(op);
    const DropoutMask mask = dropout_mask(plan_.runs[0].seed, static_cast<std::uint32_t>(op.id), 0, std::ssize(y),
                                          plan_.runs[0].dropouts[at(op.id)]);
    for (std::size_t i = 0; i < y.size(); ++i)
      y[i] *= static_cast<double>(dropped_out(1.0F, mask, static_cast<std::int64_t>(i)));
  }
  void run(const EltwiseOp& op, const Params& /*params*/) {
    const std::vector<Doubles> x = all_of(op.x);
    Doubles& y = buffers_[at(op.y)];
    if (op.type == Eltwise::kSum) y = values_of(add(x, op.coefficients));
    if (op.type == Eltwise::kProduct) y = values_of(multiply(x, x.size()));
    if (op.type != Eltwise::kMax) return;
    y.clear();
    for (const std::size_t input : largest(x)) {
      y.push_back(x[input][y.size()]);
      point_.choices.push_back(static_cast<std::int64_t>(input));
    }
  }
  void run(const ConcatOp& op, const Params& /*params*/) {
    std::vector<std::int64_t> sizes;
    for (const BufferId x : op.x) sizes.push_back(plan_.buffers[at(x)].shape.size());
    buffers_[at(op.y)] = concat(all_of(op.x), sizes, n());
  }
  void run(const SoftmaxCrossEntropyOp& op, const Params& /*params*/) {
    Doubles gradient;
    point_.loss += softmax_cross_entropy(x_of(op), labels_, op.classes, plan_.runs[0].label_smoothing, gradient);
  }
  /// The rest is the backward pass.
  template <class Op>
  void run(const Op& /*op*/, const Params& /*params*/) {}

  template <class Op>
  [[nodiscard]] const Doubles& x_of(const Op& op) const {
    return buffers_[at(op.x)];
  }
  [[nodiscard]] std::vector<Doubles> all_of(const std::vector<BufferId>& ids) const {
    std::vector<Doubles> all;
    for (const BufferId id : ids) all.push_back(buffers_[at(id)]);
    return all;
  }

  const Plan& plan_;
  std::vector<std::int32_t> labels_;
  std::vector<Doubles> buffers_;
  std::map<BufferId, std::vector<Channel>> channels_;  // of batch norms, by their outputs
  LossPoint point_;
};

}  // namespace qrun::ref
