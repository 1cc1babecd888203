// Pooling: one task a plane of 16 images.
#include <algorithm>
#include <vector>

#include "cpu/ops.h"
#include "math/pool.h"

namespace qrun::cpu {
namespace {

PoolWindows windows_of(const PoolShape& s) { return {s.rows(), s.columns(), s.out_h(), s.out_w()}; }

/// Max pooling of one plane that is quantized on the way in: a row is pooled while it is in the cache.
void quantize_and_pool(PoolJob job, int method, const QParams& params, const Kernels& kernels) {
  thread_local std::vector<float> plane;
  const std::int64_t row = job.windows.columns.size * kLanes;
  const auto size = static_cast<std::size_t>(job.windows.rows.size * row);
  if (plane.size() < size) plane.resize(size);
  const float* x = job.x;
  job.x = plane.data();
  std::int64_t done = 0;  // rows quantized so far
  for (std::int64_t oy = 0; oy < job.windows.out_rows; ++oy) {
    const std::int64_t wanted = window_of(job.windows.rows, oy).end;
    if (wanted > done) {
      kernels.quantize(method, params, x + done * row, plane.data() + done * row, (wanted - done) * row);
      done = wanted;
    }
    job.outputs = {oy, oy + 1};
    kernels.max_pool(job);
  }
}

void max_pool(BufferId x, BufferId y, const PoolShape& s, int method, const QParams* params, Context& context) {
  const std::int64_t in = s.h * s.w * kLanes;
  const std::int64_t out = s.out_h() * s.out_w() * kLanes;
  const float* from = context.run.buffer(x).value.data();
  float* to = context.run.buffer(y).value.data();
  std::int32_t* argmax = context.run.argmax[static_cast<std::size_t>(y)].data();
  context.workers.parallel(context.blocks() * s.c, [&](std::int64_t plane) {
    const PoolJob job{.x = from + plane * in,
                      .y = to + plane * out,
                      .argmax = argmax + plane * out,
                      .windows = windows_of(s),
                      .outputs = {0, s.out_h()}};
    if (method == kNoQuantizer) return context.kernels.max_pool(job);
    quantize_and_pool(job, method, *params, context.kernels);
  });
}

/// The gradient of a plane goes to where its maxima were, and then to `mask(begin of the plane, gradient)`.
template <class Mask>
void max_pool_backward(BufferId dx, BufferId y, const PoolShape& s, Context& context, const Mask& mask) {
  const std::int64_t in = s.h * s.w * kLanes;
  const std::int64_t out = s.out_h() * s.out_w() * kLanes;
  float* to = context.run.buffer(dx).gradient.data();
  const float* dy = context.run.buffer(y).gradient.data();
  const std::int32_t* argmax = context.run.argmax[static_cast<std::size_t>(y)].data();
  context.workers.parallel(context.blocks() * s.c, [&](std::int64_t plane) {
    context.kernels.max_pool_backward(
        {.dy = dy + plane * out, .argmax = argmax + plane * out, .dx = to + plane * in, .windows = windows_of(s)});
    mask(plane * in, to + plane * in);
  });
}

/// The positions of a window inside the image, and what its sum is divided by.
struct Window {
  Span<std::int64_t> rows, columns;
  float divisor;
};

/// Calls `visit(window, output offset)` for each output of a plane.
template <class Visit>
void for_windows(const PoolShape& s, bool count_include_pad, const Visit& visit) {
  const PoolWindows all = windows_of(s);
  for (std::int64_t oy = 0; oy < all.out_rows; ++oy) {
    for (std::int64_t ox = 0; ox < all.out_columns; ++ox) {
      visit(Window{window_of(all.rows, oy), window_of(all.columns, ox),
                   window_divisor(all.rows, all.columns, oy, ox, count_include_pad)},
            (oy * all.out_columns + ox) * kLanes);
    }
  }
}

}  // namespace

void compute(const MaxPool2dOp& op, Context& context) { max_pool(op.x, op.y, op.s, kNoQuantizer, nullptr, context); }

void compute(const MaxPool2dBackwardOp& op, Context& context) {
  max_pool_backward(op.dx, op.y, op.s, context, [](std::int64_t, float*) {});
}

void compute(const QuantizeMaxPool2dOp& op, Context& context) {
  fit_activation(op.slot, context);
  const int method = context.run.settings.activations[static_cast<std::size_t>(op.slot)].method;
  max_pool(op.x, op.y, op.s, method, &context.run.fit_of(op.slot), context);
}

void compute(const QuantizeMaxPool2dBackwardOp& op, Context& context) {
  const QuantSettings& settings = context.run.settings.activations[static_cast<std::size_t>(op.slot)];
  const QParams& params = context.run.fit_of(op.slot);
  const float* x = context.run.buffer(op.x).value.data();
  max_pool_backward(op.dx, op.y, op.s, context, [&](std::int64_t begin, float* dx) {
    if (settings.masks())
      context.kernels.mask_saturated(settings.method, params, x + begin, dx, dx, op.s.h * op.s.w * kLanes);
  });
}

void compute(const AvgPool2dOp& op, Context& context) {
  const PoolShape& s = op.s;
  const float* x = context.run.buffer(op.x).value.data();
  float* y = context.run.buffer(op.y).value.data();
  context.workers.parallel(context.blocks() * s.c, [&](std::int64_t plane) {
    const float* from = x + plane * s.h * s.w * kLanes;
    float* to = y + plane * s.out_h() * s.out_w() * kLanes;
    for_windows(s, op.count_include_pad, [&](const Window& window, std::int64_t out) {
      float sum[kLanes] = {};
      for (std::int64_t iy = window.rows.begin; iy < window.rows.end; ++iy) {
        for (std::int64_t ix = window.columns.begin; ix < window.columns.end; ++ix) {
          for (std::int64_t l = 0; l < kLanes; ++l) sum[l] += from[(iy * s.w + ix) * kLanes + l];
        }
      }
      for (std::int64_t l = 0; l < kLanes; ++l) to[out + l] = sum[l] / window.divisor;
    });
  });
}

void compute(const AvgPool2dBackwardOp& op, Context& context) {
  const PoolShape& s = op.s;
  const float* dy = context.run.buffer(op.y).gradient.data();
  float* dx = context.run.buffer(op.dx).gradient.data();
  context.workers.parallel(context.blocks() * s.c, [&](std::int64_t plane) {
    const float* from = dy + plane * s.out_h() * s.out_w() * kLanes;
    float* to = dx + plane * s.h * s.w * kLanes;
    std::fill_n(to, s.h * s.w * kLanes, 0.0f);
    for_windows(s, op.count_include_pad, [&](const Window& window, std::int64_t out) {
      for (std::int64_t iy = window.rows.begin; iy < window.rows.end; ++iy) {
        for (std::int64_t ix = window.columns.begin; ix < window.columns.end; ++ix) {
          for (std::int64_t l = 0; l < kLanes; ++l) to[(iy * s.w + ix) * kLanes + l] += from[out + l] / window.divisor;
        }
      }
    });
  });
}

}  // namespace qrun::cpu
