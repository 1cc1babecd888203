// The operations of a Plan: plain structs over numbered buffers and parameter blobs. An op says what is computed, on
// logical shapes (a batch of n images of each run of the pack); memory layout and splitting are the engine's business.
// Buffers hold one value per image and element; each has a gradient of the same shape. In place is allowed nowhere
// except where an op says so.
#pragma once

#include <cstdint>
#include <variant>

#include "core/shape.h"

namespace qrun {

using BufferId = int;  // index into Plan::buffers
using ParamId = int;   // index into Plan::params
using SlotId = int;    // index into Plan::activations

inline constexpr int kNone = -1;

/// A square-kernel convolution; filters are [o, c / groups, k, k].
struct ConvShape {
  std::int64_t c = 0, h = 0, w = 0;  // input
  std::int64_t o = 0, k = 0, stride = 1, pad = 0, groups = 1;

  [[nodiscard]] std::int64_t out_h() const { return (h + 2 * pad - k) / stride + 1; }
  [[nodiscard]] std::int64_t out_w() const { return (w + 2 * pad - k) / stride + 1; }
  [[nodiscard]] std::int64_t weights() const { return times(times(o, c / groups), times(k, k)); }
  bool operator==(const ConvShape&) const = default;
};

/// Pooling windows over each channel; positions outside the image do not take part.
struct PoolShape {
  std::int64_t c = 0, h = 0, w = 0;
  std::int64_t k = 0, stride = 1, pad = 0;
  bool ceil_mode = false;

  [[nodiscard]] std::int64_t out_h() const { return out(h); }
  [[nodiscard]] std::int64_t out_w() const { return out(w); }
  bool operator==(const PoolShape&) const = default;

 private:
  [[nodiscard]] std::int64_t out(std::int64_t size) const {
    const std::int64_t span = size + 2 * pad - k;
    std::int64_t n = (ceil_mode ? span + stride - 1 : span) / stride + 1;
    if (ceil_mode && (n - 1) * stride >= size + pad) --n;  // the last window must start inside the image
    return n;
  }
};

// Parameters: master -> value, once per training iteration and once per test. Without quantizer: value = master.
struct QuantizeParamOp {
  ParamId param;
};

// y = w * x + b. `b` may be kNone.
struct Conv2dOp {
  BufferId x, y;
  ParamId w, b;
  ConvShape s;
};
// dx = transposed convolution of dy with w.
struct Conv2dBackwardDataOp {
  BufferId x, y;
  ParamId w;
  ConvShape s;
};
// dw = correlation of x and dy, summed over the batch; db = sum of dy.
struct Conv2dBackwardWeightOp {
  BufferId x, y;
  ParamId w, b;
  ConvShape s;
};

// y[o] = sum_i w[o, i] x[i] + b[o]; x is read flat in c, h, w order.
struct LinearOp {
  BufferId x, y;
  ParamId w, b;
  std::int64_t in, out;
};
struct LinearBackwardDataOp {
  BufferId x, y;
  ParamId w;
  std::int64_t in, out;
};
struct LinearBackwardWeightOp {
  BufferId x, y;
  ParamId w, b;
  std::int64_t in, out;
};

// Maximum of each window; the gradient goes to the first maximum in row-major order.
struct MaxPool2dOp {
  BufferId x, y;
  PoolShape s;
};
struct MaxPool2dBackwardOp {
  BufferId x, y;
  PoolShape s;
};

// Mean of each window, over the positions inside the image, or with count_include_pad over those inside the padded one.
struct AvgPool2dOp {
  BufferId x, y;
  PoolShape s;
  bool count_include_pad;
};
struct AvgPool2dBackwardOp {
  BufferId x, y;
  PoolShape s;
  bool count_include_pad;
};

// y = max(x, 0); dx = dy where y > 0, else 0.
struct ReluOp {
  BufferId x, y;
};
struct ReluBackwardOp {
  BufferId x, y;
};

// y = decode(code(x)) with parameters fitted to this batch (or the slot's range). Without quantizer: y = x.
struct QuantizeOp {
  BufferId x, y;
  SlotId slot;
};
// dx = dy; with ste_clipped 0 where x saturates.
struct QuantizeBackwardOp {
  BufferId x, y;
  SlotId slot;
};

// QuantizeOp and MaxPool2dOp in one pass: y is the pooled one, the quantized image in between is never stored.
struct QuantizeMaxPool2dOp {
  BufferId x, y;
  SlotId slot;
  PoolShape s;
};
struct QuantizeMaxPool2dBackwardOp {
  BufferId x, y;
  SlotId slot;
  PoolShape s;
};

// loss = mean over the batch of log(sum exp(x)) - x[label]; dx = (softmax(x) - onehot) / n.
struct SoftmaxCrossEntropyOp {
  BufferId x;
  std::int64_t classes;
};

// One solver step of a blob from its gradient.
struct UpdateOp {
  ParamId param;
};

using Op = std::variant<QuantizeParamOp, Conv2dOp, Conv2dBackwardDataOp, Conv2dBackwardWeightOp, LinearOp,
                        LinearBackwardDataOp, LinearBackwardWeightOp, MaxPool2dOp, MaxPool2dBackwardOp, AvgPool2dOp,
                        AvgPool2dBackwardOp, ReluOp, ReluBackwardOp, QuantizeOp, QuantizeBackwardOp,
                        QuantizeMaxPool2dOp, QuantizeMaxPool2dBackwardOp, SoftmaxCrossEntropyOp, UpdateOp>;

}  // namespace qrun
