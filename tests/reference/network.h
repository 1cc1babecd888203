// The loss of a plan without quantizers, in double precision: what central differences are taken of.
#pragma once

#include <map>
#include <type_traits>
#include <utility>
#include <variant>

#include "math/dropout.h"
#include "plan/plan.h"
#include "reference/reference.h"

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

  template <class Op>
  void run(const Op& op, const std::vector<Doubles>& params) {
    if constexpr (std::is_same_v<Op, Conv2dOp>) {
      buffers_[at(op.y)] = values_of(conv2d(op.s, n(), buffers_[at(op.x)], params[at(op.w)], values(op.b, params)));
    } else if constexpr (std::is_same_v<Op, LinearOp>) {
      const ConvShape s = as_conv(op.in, op.out);
      buffers_[at(op.y)] = values_of(conv2d(s, n(), buffers_[at(op.x)], params[at(op.w)], values(op.b, params)));
    } else if constexpr (std::is_same_v<Op, MaxPool2dOp>) {
      Doubles y;
      for (const std::int64_t i : argmax(op.s, n(), buffers_[at(op.x)])) {
        y.push_back(buffers_[at(op.x)][at(i)]);
        point_.choices.push_back(i);
      }
      buffers_[at(op.y)] = std::move(y);
    } else if constexpr (std::is_same_v<Op, AvgPool2dOp>) {
      buffers_[at(op.y)] = values_of(avg_pool2d(op.s, n(), op.count_include_pad, buffers_[at(op.x)]));
    } else if constexpr (std::is_same_v<Op, ReluOp>) {
      Doubles y;
      for (const double x : buffers_[at(op.x)]) {
        y.push_back(std::max(x, 0.0));
        point_.choices.push_back(x > 0 ? 1 : 0);
      }
      buffers_[at(op.y)] = std::move(y);
    } else if constexpr (std::is_same_v<Op, ActivationOp>) {
      Doubles y;
      for (const double x : buffers_[at(op.x)]) {
        y.push_back(activated(op.activation, x));
        point_.choices.push_back(x > 0 ? (x < 6 ? 1 : 2) : 0);
      }
      buffers_[at(op.y)] = std::move(y);
    } else if constexpr (std::is_same_v<Op, BatchNormMomentsOp>) {
      channels_[op.y] = channels(op.s, n(), buffers_[at(op.x)], op.eps);
    } else if constexpr (std::is_same_v<Op, BatchNormOp>) {
      buffers_[at(op.y)] = values_of(
          batch_norm(op.s, n(), buffers_[at(op.x)], channels_.at(op.y), values(op.w, params), values(op.b, params)));
    } else if constexpr (std::is_same_v<Op, DropoutOp>) {
      Doubles& y = buffers_[at(op.y)];
      y = buffers_[at(op.x)];
      const DropoutMask mask = dropout_mask(plan_.runs[0].seed, static_cast<std::uint32_t>(op.id), 0, std::ssize(y),
                                            plan_.runs[0].dropouts[at(op.id)]);
      for (std::size_t i = 0; i < y.size(); ++i)
        y[i] *= static_cast<double>(dropped_out(1.0F, mask, static_cast<std::int64_t>(i)));
    } else if constexpr (std::is_same_v<Op, AddOp>) {
      std::vector<Doubles> x;
      for (const BufferId input : op.x) x.push_back(buffers_[at(input)]);
      buffers_[at(op.y)] = values_of(add(x, op.coefficients));
    } else if constexpr (std::is_same_v<Op, SoftmaxCrossEntropyOp>) {
      Doubles gradient;
      point_.loss +=
          softmax_cross_entropy(buffers_[at(op.x)], labels_, op.classes, plan_.runs[0].label_smoothing, gradient);
    }  // the rest is the backward pass
  }

  const Plan& plan_;
  std::vector<std::int32_t> labels_;
  std::vector<Doubles> buffers_;
  std::map<BufferId, std::vector<Channel>> channels_;  // of batch norms, by their outputs
  LossPoint point_;
};

}  // namespace qrun::ref
