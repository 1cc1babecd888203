// The gradients of a convolution's weights and biases. A task is a tile of filters, a channel and a kernel row over all
// images, or a bias: no sum is ever split between tasks.
#include "cpu/conv2d.h"

namespace qrun::cpu {

void compute(const Conv2dBackwardWeightOp& op, Context& context) {
  const ConvShape& s = op.s;
  if (s.is_depthwise()) return depthwise_conv2d_backward_weight(op, context);
  const std::int64_t height = s.h + 2 * s.pad.h;
  const std::int64_t width = s.w + 2 * s.pad.w;
  const std::int64_t group_in = s.c / s.groups;
  const std::int64_t plane = s.out_h() * s.out_w() * kLanes;
  const std::int64_t tiles = s.groups * tiles_of(s.o / s.groups);
  const float* x = padded(context.run.buffer(op.x).value.data(), s, context);
  const float* dy = context.run.buffer(op.y).gradient.data();
  float* dw = context.run.param(op.w).gradient.data();
  const std::int64_t together = s.dilation.w == 1 ? kTile : 1;  // taps that lie side by side in x
  const auto filter_task = [&](std::int64_t task) {
    const std::int64_t row = task % s.k.h;
    const std::int64_t channel = task / s.k.h % group_in;
    const ChannelTile tile = channel_tile(task / s.k.h / group_in, s.o / s.groups);
    const float* from = x + ((tile.group * group_in + channel) * height + row * s.dilation.h) * width * kLanes;
    for (std::int64_t col = 0; col < s.k.w; col += together) {
      context.kernels.filter({.x = from + col * s.dilation.w * kLanes,
                              .dy = dy + tile.first * plane,
                              .dw = dw + ((tile.first * group_in + channel) * s.k.h + row) * s.k.w + col,
                              .outputs = static_cast<int>(tile.count),
                              .taps = static_cast<int>(std::min(together, s.k.w - col)),
                              .blocks = context.blocks(),
                              .rows = s.out_h(),
                              .cols = s.out_w(),
                              .x_block = s.c * height * width * kLanes,
                              .x_row = s.stride.h * width * kLanes,
                              .x_col = s.stride.w * kLanes,
                              .dy_block = s.o * plane,
                              .dy_row = s.out_w() * kLanes,
                              .dy_out = plane,
                              .dw_out = s.taps()});
    }
  };
  const std::int64_t filters = tiles * group_in * s.k.h;
  context.workers.parallel(filters + (op.b == kNone ? 0 : s.o), [&](std::int64_t task) {
    if (task < filters) return filter_task(task);
    bias_gradient(dy, s.o * plane, plane, context.blocks(), task - filters, context.run.param(op.b).gradient.data());
  });
}

}  // namespace qrun::cpu
