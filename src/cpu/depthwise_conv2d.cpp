// Depthwise convolution and its gradients: as many groups as channels. A task is a plane of 16 images, or a filter over
// all images.
#include "cpu/conv2d.h"

namespace qrun::cpu {
namespace {

/// What one side of dx takes from dy at positions first, first + stride, ...: a convolution of dy with every `step`-th tap,
/// the last one first.
struct Turned {
  ConvSide<std::int64_t> side;
  std::int64_t outputs, last_tap, step;
};
Turned turned(const ConvSide<std::int64_t>& side, std::int64_t first) {
  const Reach<std::int64_t> reach = reach_of(side, first);
  const std::int64_t more = reach.count - 1;
  return {{outputs_of(side), reach.count, 1, more * reach.out_step - reach.out, reach.out_step},
          ceil_div(side.size - first, side.stride),
          reach.first + more * reach.step,
          reach.step};
}

}  // namespace

void depthwise_conv2d(const Conv2dOp& op, Context& context) {
  const ConvShape& s = op.s;
  const std::int64_t filters = s.o / s.groups;  // of a channel
  const std::int64_t in = s.h * s.w * kLanes;
  const std::int64_t out = s.out_h() * s.out_w() * kLanes;
  const float* x = context.run.buffer(op.x).value.data();
  const float* w = context.run.param(op.w).current().data();
  const float* bias = op.b == kNone ? nullptr : context.run.param(op.b).current().data();
  float* y = context.run.buffer(op.y).value.data();
  context.workers.parallel(context.blocks() * s.o, [&](std::int64_t plane) {
    const std::int64_t filter = plane % s.o;
    context.kernels.depthwise({.x = x + plane / filters * in,
                               .w = w + filter * s.k.size(),
                               .bias = bias == nullptr ? 0.0F : bias[filter],
                               .y = y + plane * out,
                               .planes = 1,
                               .rows = s.rows(),
                               .columns = s.columns(),
                               .out_rows = s.out_h(),
                               .out_columns = s.out_w(),
                               .x_plane = 0,
                               .w_plane = 0,
                               .w_row = s.k.w,
                               .w_col = 1,
                               .y_row = s.out_w() * kLanes,
                               .y_col = kLanes});
  });
}

void depthwise_conv2d_backward_data(const Conv2dBackwardDataOp& op, Context& context) {
  const ConvShape& s = op.s;
  const std::int64_t filters = s.o / s.groups;
  const std::int64_t in = s.h * s.w * kLanes;
  const std::int64_t out = s.out_h() * s.out_w() * kLanes;
  const float* dy = context.run.buffer(op.y).gradient.data();
  const float* w = context.run.param(op.w).current().data();
  float* dx = context.run.buffer(op.dx).gradient.data();
  const auto phase = [&](std::int64_t plane, const Turned& rows, std::int64_t row, std::int64_t col) {
    const Turned columns = turned(s.columns(), col);
    const bool any = rows.side.k > 0 && columns.side.k > 0;
    context.kernels.depthwise(
        {.x = dy + plane * filters * out,
         .w = w + plane % s.c * filters * s.k.size() + (any ? rows.last_tap * s.k.w + columns.last_tap : 0),
         .bias = 0.0F,
         .y = dx + plane * in + (row * s.w + col) * kLanes,
         .planes = filters,
         .rows = rows.side,
         .columns = columns.side,
         .out_rows = rows.outputs,
         .out_columns = columns.outputs,
         .x_plane = out,
         .w_plane = s.k.size(),
         .w_row = -rows.step * s.k.w,
         .w_col = -columns.step,
         .y_row = s.stride.h * s.w * kLanes,
         .y_col = s.stride.w * kLanes});
  };
  context.workers.parallel(context.blocks() * s.c, [&](std::int64_t plane) {
    for (std::int64_t row = 0; row < std::min(s.stride.h, s.h); ++row) {
      const Turned rows = turned(s.rows(), row);
      for (std::int64_t col = 0; col < std::min(s.stride.w, s.w); ++col) phase(plane, rows, row, col);
    }
  });
}

void depthwise_conv2d_backward_weight(const Conv2dBackwardWeightOp& op, Context& context) {
  const ConvShape& s = op.s;
  const std::int64_t filters = s.o / s.groups;
  const std::int64_t in = s.h * s.w * kLanes;
  const std::int64_t out = s.out_h() * s.out_w() * kLanes;
  const float* x = context.run.buffer(op.x).value.data();
  const float* dy = context.run.buffer(op.y).gradient.data();
  float* dw = context.run.param(op.w).gradient.data();
  context.workers.parallel(s.o + (op.b == kNone ? 0 : s.o), [&](std::int64_t task) {
    if (task >= s.o)
      return bias_gradient(dy, s.o * out, out, context.blocks(), task - s.o, context.run.param(op.b).gradient.data());
    context.kernels.depthwise_filter({.x = x + task / filters * in,
                                      .dy = dy + task * out,
                                      .dw = dw + task * s.k.size(),
                                      .blocks = context.blocks(),
                                      .rows = s.rows(),
                                      .columns = s.columns(),
                                      .out_rows = s.out_h(),
                                      .out_columns = s.out_w(),
                                      .x_block = s.c * in,
                                      .dy_block = s.o * out});
  });
}

}  // namespace qrun::cpu
