// Pooling: one task a plane of 16 images.
#include <algorithm>

#include "cpu/ops.h"

namespace qrun::cpu {
namespace {

void max_pool(BufferId x, BufferId y, const PoolShape& s, int method, const QParams* params, Context& context) {
  const std::int64_t in = s.h * s.w * kLanes;
  const std::int64_t out = s.out_h() * s.out_w() * kLanes;
  const float* from = context.run.buffer(x).value.data();
  float* to = context.run.buffer(y).value.data();
  std::int32_t* argmax = context.run.argmax[static_cast<std::size_t>(y)].data();
  context.workers.parallel(context.blocks() * s.c, [&](std::int64_t plane) {
    context.kernels.max_pool({.x = from + plane * in,
                              .y = to + plane * out,
                              .argmax = argmax + plane * out,
                              .h = s.h,
                              .w = s.w,
                              .out_h = s.out_h(),
                              .out_w = s.out_w(),
                              .k = s.k,
                              .stride = s.stride,
                              .pad = s.pad,
                              .method = method,
                              .params = params});
  });
}

void max_pool_backward(BufferId x, BufferId y, const PoolShape& s, const QuantSettings* clipped, const QParams* params,
                       Context& context) {
  const std::int64_t in = s.h * s.w * kLanes;
  const std::int64_t out = s.out_h() * s.out_w() * kLanes;
  const float* value = context.run.buffer(x).value.data();
  float* dx = context.run.buffer(x).gradient.data();
  const float* dy = context.run.buffer(y).gradient.data();
  const std::int32_t* argmax = context.run.argmax[static_cast<std::size_t>(y)].data();
  context.workers.parallel(context.blocks() * s.c, [&](std::int64_t plane) {
    float* to = dx + plane * in;
    context.kernels.max_pool_backward({.dy = dy + plane * out,
                                       .argmax = argmax + plane * out,
                                       .dx = to,
                                       .h = s.h,
                                       .w = s.w,
                                       .out_h = s.out_h(),
                                       .out_w = s.out_w(),
                                       .k = s.k,
                                       .stride = s.stride,
                                       .pad = s.pad});
    if (clipped != nullptr) context.kernels.mask_saturated(clipped->method, *params, value + plane * in, to, to, in);
  });
}

/// The part of a window inside the image, and what its sum is divided by.
struct Window {
  std::int64_t y0, y1, x0, x1;
  float divisor;
};
Window window_of(const PoolShape& s, std::int64_t oy, std::int64_t ox, bool count_include_pad) {
  const std::int64_t top = oy * s.stride - s.pad;
  const std::int64_t left = ox * s.stride - s.pad;
  const std::int64_t bottom = std::min(top + s.k, s.h + s.pad);
  const std::int64_t right = std::min(left + s.k, s.w + s.pad);
  Window window{std::max<std::int64_t>(top, 0), std::min(bottom, s.h), std::max<std::int64_t>(left, 0),
                std::min(right, s.w), 0};
  const std::int64_t inside = (window.y1 - window.y0) * (window.x1 - window.x0);
  window.divisor = static_cast<float>(count_include_pad ? (bottom - top) * (right - left) : inside);
  return window;
}

/// Calls `visit(window, output offset)` for each output of a plane.
template <class Visit>
void for_windows(const PoolShape& s, bool count_include_pad, const Visit& visit) {
  for (std::int64_t oy = 0; oy < s.out_h(); ++oy) {
    for (std::int64_t ox = 0; ox < s.out_w(); ++ox)
      visit(window_of(s, oy, ox, count_include_pad), (oy * s.out_w() + ox) * kLanes);
  }
}

}  // namespace

void run(const MaxPool2dOp& op, Context& context) { max_pool(op.x, op.y, op.s, kNoQuantizer, nullptr, context); }

void run(const MaxPool2dBackwardOp& op, Context& context) {
  max_pool_backward(op.x, op.y, op.s, nullptr, nullptr, context);
}

void run(const QuantizeMaxPool2dOp& op, Context& context) {
  fit_activation(op.slot, context);
  const auto slot = static_cast<std::size_t>(op.slot);
  max_pool(op.x, op.y, op.s, context.run.settings.activations[slot].method, &context.run.activations[slot].params,
           context);
}

void run(const QuantizeMaxPool2dBackwardOp& op, Context& context) {
  const auto slot = static_cast<std::size_t>(op.slot);
  const QuantSettings& settings = context.run.settings.activations[slot];
  const bool clipped = settings.method != kNoQuantizer && settings.gradient == Gradient::kSteClipped;
  max_pool_backward(op.x, op.y, op.s, clipped ? &settings : nullptr, &context.run.activations[slot].params, context);
}

void run(const AvgPool2dOp& op, Context& context) {
  const PoolShape& s = op.s;
  const float* x = context.run.buffer(op.x).value.data();
  float* y = context.run.buffer(op.y).value.data();
  context.workers.parallel(context.blocks() * s.c, [&](std::int64_t plane) {
    const float* from = x + plane * s.h * s.w * kLanes;
    float* to = y + plane * s.out_h() * s.out_w() * kLanes;
    for_windows(s, op.count_include_pad, [&](const Window& window, std::int64_t out) {
      float sum[kLanes] = {};
      for (std::int64_t iy = window.y0; iy < window.y1; ++iy) {
        for (std::int64_t ix = window.x0; ix < window.x1; ++ix) {
          for (std::int64_t l = 0; l < kLanes; ++l) sum[l] += from[(iy * s.w + ix) * kLanes + l];
        }
      }
      for (std::int64_t l = 0; l < kLanes; ++l) to[out + l] = sum[l] / window.divisor;
    });
  });
}

void run(const AvgPool2dBackwardOp& op, Context& context) {
  const PoolShape& s = op.s;
  const float* dy = context.run.buffer(op.y).gradient.data();
  float* dx = context.run.buffer(op.x).gradient.data();
  context.workers.parallel(context.blocks() * s.c, [&](std::int64_t plane) {
    const float* from = dy + plane * s.out_h() * s.out_w() * kLanes;
    float* to = dx + plane * s.h * s.w * kLanes;
    std::fill_n(to, s.h * s.w * kLanes, 0.0f);
    for_windows(s, op.count_include_pad, [&](const Window& window, std::int64_t out) {
      for (std::int64_t iy = window.y0; iy < window.y1; ++iy) {
        for (std::int64_t ix = window.x0; ix < window.x1; ++ix) {
          for (std::int64_t l = 0; l < kLanes; ++l) to[(iy * s.w + ix) * kLanes + l] += from[out + l] / window.divisor;
        }
      }
    });
  });
}

}  // namespace qrun::cpu
