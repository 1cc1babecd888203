// The operations of a Plan: plain structs over numbered buffers and parameters. An op says what is computed, on logical
// shapes (a batch of n images of each run of the pack); memory layout and splitting are the engine's business. Buffers
// hold one value per image and element, or a gradient of that shape, or both. What an op reads and writes beside its
// members' names stands in operands.h. An op overwrites what it writes, and none works in place but where it says so.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "core/shape.h"
#include "math/activation.h"
#include "math/channel_scale.h"
#include "math/eltwise.h"
#include "math/lrn.h"
#include "plan/op_shapes.h"

namespace qrun {

using BufferId = int;     // index into Plan::buffers
using ParamId = int;      // index into Plan::params
using StatisticId = int;  // index into Plan::statistics
using SlotId = int;       // index into Plan::activations
using DropoutId = int;    // index into RunSettings::dropouts

inline constexpr int kNone = -1;

/// Facts about a kind of op. An op without them does not compile.
struct OpInfo {
  const char* name = nullptr;  // in messages
  bool is_product = false;     // it sums the products of a convolution, product() says of which
  bool selects = false;        // each value of y is one of x or 0, so that y needs no more bits than x
  bool passes_on = false;  // it hands a gradient back to the buffer `dx`: its input, or a part where several read it
};

// value = decode(code(master)), once per training iteration and once per test. Without quantizer the value is the
// master.
struct QuantizeParamOp {
  static constexpr OpInfo kInfo{.name = "quantize_param"};
  ParamId param;
};
// The parameter's gradient becomes 0 where its master saturates, in runs whose quantizer says so; in place.
struct QuantizeParamBackwardOp {
  static constexpr OpInfo kInfo{.name = "quantize_param_backward"};
  ParamId param;
};

// y = w * x + b. `b` may be kNone.
struct Conv2dOp {
  static constexpr OpInfo kInfo{.name = "conv2d", .is_product = true};
  BufferId x, y;
  ParamId w, b;
  ConvShape s;
  [[nodiscard]] ConvShape product() const { return s; }
};
// dx = transposed convolution of dy with w.
struct Conv2dBackwardDataOp {
  static constexpr OpInfo kInfo{.name = "conv2d_backward_data", .is_product = true, .passes_on = true};
  BufferId dx, y;
  ParamId w;
  ConvShape s;
  [[nodiscard]] ConvShape product() const { return s; }
};
// dw = correlation of x and dy, summed over the batch; db = sum of dy.
struct Conv2dBackwardWeightOp {
  static constexpr OpInfo kInfo{.name = "conv2d_backward_weight", .is_product = true};
  BufferId x, y;
  ParamId w, b;
  ConvShape s;
  [[nodiscard]] ConvShape product() const { return s; }
};

// y[o] = sum_i w[o, i] x[i] + b[o]; x is read flat in c, h, w order.
struct LinearOp {
  static constexpr OpInfo kInfo{.name = "linear", .is_product = true};
  BufferId x, y;
  ParamId w, b;
  std::int64_t in, out;
  [[nodiscard]] ConvShape product() const { return as_conv(in, out); }
};
struct LinearBackwardDataOp {
  static constexpr OpInfo kInfo{.name = "linear_backward_data", .is_product = true, .passes_on = true};
  BufferId dx, y;
  ParamId w;
  std::int64_t in, out;
  [[nodiscard]] ConvShape product() const { return as_conv(in, out); }
};
struct LinearBackwardWeightOp {
  static constexpr OpInfo kInfo{.name = "linear_backward_weight", .is_product = true};
  BufferId x, y;
  ParamId w, b;
  std::int64_t in, out;
  [[nodiscard]] ConvShape product() const { return as_conv(in, out); }
};

// Maximum of each window; the gradient goes to the first maximum in row-major order.
struct MaxPool2dOp {
  static constexpr OpInfo kInfo{.name = "max_pool2d", .selects = true};
  BufferId x, y;
  PoolShape s;
};
struct MaxPool2dBackwardOp {
  static constexpr OpInfo kInfo{.name = "max_pool2d_backward", .passes_on = true};
  BufferId dx, y;
  PoolShape s;
};

// Mean of each window, over the positions inside the image, or with count_include_pad over those inside the padded one.
struct AvgPool2dOp {
  static constexpr OpInfo kInfo{.name = "avg_pool2d"};
  BufferId x, y;
  PoolShape s;
  bool count_include_pad;
};
struct AvgPool2dBackwardOp {
  static constexpr OpInfo kInfo{.name = "avg_pool2d_backward", .passes_on = true};
  BufferId dx, y;
  PoolShape s;
  bool count_include_pad;
};

// y = max(x, 0); dx = dy where y > 0, else 0.
struct ReluOp {
  static constexpr OpInfo kInfo{.name = "relu", .selects = true};
  BufferId x, y;
};
struct ReluBackwardOp {
  static constexpr OpInfo kInfo{.name = "relu_backward", .passes_on = true};
  BufferId dx, y;
};

// y = activation(x), elementwise; dx = dy times its derivative, which y decides.
struct ActivationOp {
  static constexpr OpInfo kInfo{.name = "activation"};
  BufferId x, y;
  Activation activation;
};
struct ActivationBackwardOp {
  static constexpr OpInfo kInfo{.name = "activation_backward", .passes_on = true};
  BufferId dx, y;
  Activation activation;
};

// Mean and inverse deviation of each channel of x, of which the runs of a pack move running statistics by momenta of
// their own. In a test, and in training where they are frozen, those are what y gets, and nothing moves.
struct BatchNormMomentsOp {
  static constexpr OpInfo kInfo{.name = "batch_norm_moments"};
  BufferId x, y;
  StatisticId mean, variance, count;
  Shape s;
  double eps;
  bool frozen;
};
// y = (x - mean) * inverse * w + b, by the moments of y. `w` and `b` may be kNone: 1 and 0.
struct BatchNormOp {
  static constexpr OpInfo kInfo{.name = "batch_norm"};
  BufferId x, y;
  ParamId w, b;
  Shape s;
};
// dw = sum of dy * xhat, db = sum of dy over batch and plane; their means go where dx finds them.
struct BatchNormBackwardWeightOp {
  static constexpr OpInfo kInfo{.name = "batch_norm_backward_weight"};
  BufferId x, y;
  ParamId w, b;
  Shape s;
};
// dx = w * inverse * (dy - mean of dy - xhat * mean of dy * xhat); where statistics are frozen, w * inverse * dy.
struct BatchNormBackwardDataOp {
  static constexpr OpInfo kInfo{.name = "batch_norm_backward_data", .passes_on = true};
  BufferId dx, x, y;
  ParamId w;
  Shape s;
  bool frozen;
};

// y = w x + b of each channel; where only what is negative is scaled, y = x of the rest. `b` may be kNone. A weight of
// all channels sees them as one.
struct ChannelScaleOp {
  static constexpr OpInfo kInfo{.name = "channel_scale"};
  BufferId x, y;
  ParamId w, b;
  Shape s;
  Scaled scaled;
};
// dw = sum of dy * x, of what is scaled; db = sum of dy.
struct ChannelScaleBackwardWeightOp {
  static constexpr OpInfo kInfo{.name = "channel_scale_backward_weight"};
  BufferId x, y;
  ParamId w, b;
  Shape s;
  Scaled scaled;
};
// dx = w * dy, or dy where x is not scaled.
struct ChannelScaleBackwardDataOp {
  static constexpr OpInfo kInfo{.name = "channel_scale_backward_data", .passes_on = true};
  BufferId dx, x, y;
  ParamId w;
  Shape s;
  Scaled scaled;
};

// y = exp(x) / the sum of it over the channels; dx = y * (dy - the sum of dy * y over the channels).
struct SoftmaxOp {
  static constexpr OpInfo kInfo{.name = "softmax"};
  BufferId x, y;
  Shape s;
};
struct SoftmaxBackwardOp {
  static constexpr OpInfo kInfo{.name = "softmax_backward", .passes_on = true};
  BufferId dx, y;
  Shape s;
};

// y = x * scale^-beta, where scale sums squares of neighbours; dx takes it and y back over the same neighbours.
struct LrnOp {
  static constexpr OpInfo kInfo{.name = "lrn"};
  BufferId x, y, scale;
  Shape s;
  Lrn lrn;
};
struct LrnBackwardOp {
  static constexpr OpInfo kInfo{.name = "lrn_backward", .passes_on = true};
  BufferId dx, x, y, scale;
  Shape s;
  Lrn lrn;
};

// y = x / (1 - p), or 0 with probability p, which is the run's own; x in a test. dx = dy / (1 - p) or 0 likewise.
struct DropoutOp {
  static constexpr OpInfo kInfo{.name = "dropout", .selects = true};
  BufferId x, y;
  DropoutId id;
};
struct DropoutBackwardOp {
  static constexpr OpInfo kInfo{.name = "dropout_backward", .passes_on = true};
  BufferId dx, y;
  DropoutId id;
};

// y = the sum of coefficients[i] * x[i], the product of x, or the largest, value by value.
struct EltwiseOp {
  static constexpr OpInfo kInfo{.name = "eltwise"};
  std::vector<BufferId> x;
  BufferId y;
  Eltwise type;
  std::vector<float> coefficients;  // one an input; 1 but of sums
};
// dx of x[input]: coefficient * dy; dy times the others; dy where it is the largest.
struct EltwiseBackwardOp {
  static constexpr OpInfo kInfo{.name = "eltwise_backward", .passes_on = true};
  BufferId dx;
  std::vector<BufferId> x;
  BufferId y;
  Eltwise type;
  int input;
  float coefficient;
};

// y = the values of all x, one input behind the other in each image: channels add up. Of one input it is another shape.
struct ConcatOp {
  static constexpr OpInfo kInfo{.name = "concat", .selects = true};
  std::vector<BufferId> x;
  BufferId y;
};
// dx = the values of each image of dy from `first` on.
struct ConcatBackwardOp {
  static constexpr OpInfo kInfo{.name = "concat_backward", .passes_on = true};
  BufferId dx, y;
  std::int64_t first;
};

// y = decode(code(x)) with parameters fitted to this batch (or the slot's range). Without quantizer: y = x.
struct QuantizeOp {
  static constexpr OpInfo kInfo{.name = "quantize"};
  BufferId x, y;
  SlotId slot;
};
// dx = dy; with ste_clipped 0 where x saturates.
struct QuantizeBackwardOp {
  static constexpr OpInfo kInfo{.name = "quantize_backward", .passes_on = true};
  BufferId x, y;
  SlotId slot;
  BufferId dx;
};

// QuantizeOp and MaxPool2dOp in one pass: y is the pooled one, the quantized image in between is never stored.
struct QuantizeMaxPool2dOp {
  static constexpr OpInfo kInfo{.name = "quantize_max_pool2d"};
  BufferId x, y;
  SlotId slot;
  PoolShape s;
};
struct QuantizeMaxPool2dBackwardOp {
  static constexpr OpInfo kInfo{.name = "quantize_max_pool2d_backward", .passes_on = true};
  BufferId x, y;
  SlotId slot;
  PoolShape s;
  BufferId dx;
};

// dx = the sum of its parts, which lie as gradients in `parts`, added one after another. A buffer that several ops read
// gets a part from each, in the order of these readers.
struct SumGradientsOp {
  static constexpr OpInfo kInfo{.name = "sum_gradients", .passes_on = true};
  BufferId dx;
  std::vector<BufferId> parts;
};

// loss = mean over the batch of log(sum exp(x)) - sum of target * x; dx = (softmax(x) - target) / n. The target is 1 for
// the label, in runs that smooth labels less of it and a part for each class.
struct SoftmaxCrossEntropyOp {
  static constexpr OpInfo kInfo{.name = "softmax_cross_entropy"};
  BufferId x;
  std::int64_t classes;
};

// sum += gradient: of each batch of an iteration that has several. A sum begins at 0.
struct AccumulateGradientOp {
  static constexpr OpInfo kInfo{.name = "accumulate_gradient"};
  ParamId param;
};
// gradient = sum / batches, and the sum becomes 0.
struct MeanGradientOp {
  static constexpr OpInfo kInfo{.name = "mean_gradient"};
  ParamId param;
  std::int64_t batches;
};

// Gradients of all parameters that learn times limit / norm, where their L2 norm, summed in double in the order of the
// parameters, is beyond the limit of the run; in place.
struct ClipGradientsOp {
  static constexpr OpInfo kInfo{.name = "clip_gradients"};
  int params;  // how many: all
};

// One solver step of a blob from its gradient; in place.
struct UpdateOp {
  static constexpr OpInfo kInfo{.name = "update"};
  ParamId param;
};

using Op =
    std::variant<QuantizeParamOp, QuantizeParamBackwardOp, Conv2dOp, Conv2dBackwardDataOp, Conv2dBackwardWeightOp,
                 LinearOp, LinearBackwardDataOp, LinearBackwardWeightOp, MaxPool2dOp, MaxPool2dBackwardOp, AvgPool2dOp,
                 AvgPool2dBackwardOp, ReluOp, ReluBackwardOp, ActivationOp, ActivationBackwardOp, BatchNormMomentsOp,
                 BatchNormOp, BatchNormBackwardWeightOp, BatchNormBackwardDataOp, ChannelScaleOp,
                 ChannelScaleBackwardWeightOp, ChannelScaleBackwardDataOp, SoftmaxOp, SoftmaxBackwardOp, LrnOp,
                 LrnBackwardOp, DropoutOp, DropoutBackwardOp, EltwiseOp, EltwiseBackwardOp, ConcatOp, ConcatBackwardOp,
                 QuantizeOp, QuantizeBackwardOp, QuantizeMaxPool2dOp, QuantizeMaxPool2dBackwardOp, SumGradientsOp,
                 SoftmaxCrossEntropyOp, AccumulateGradientOp, MeanGradientOp, ClipGradientsOp, UpdateOp>;

[[nodiscard]] inline const OpInfo& info_of(const Op& op) {
  return std::visit([](const auto& o) -> const OpInfo& { return o.kInfo; }, op);
}

/// Returns the convolution whose products the op sums, if it is one that does.
[[nodiscard]] inline std::optional<ConvShape> product_of(const Op& op) {
  return std::visit(
      []<class T>(const T& o) -> std::optional<ConvShape> {
        if constexpr (T::kInfo.is_product) return o.product();
        return std::nullopt;
      },
      op);
}

}  // namespace qrun
