// Convolution, direct, 16 images innermost. A task is a block of images and a tile of filters.
#include "cpu/conv2d.h"

#include <cstring>

namespace qrun::cpu {

ChannelTile channel_tile(std::int64_t index, std::int64_t per_group) {
  const std::int64_t tiles = tiles_of(per_group);
  const std::int64_t group = index / tiles;
  const std::int64_t offset = index % tiles * kTile;
  return {group, group * per_group + offset, std::min<std::int64_t>(kTile, per_group - offset)};
}

const float* padded(const float* x, const ConvShape& s, Context& context) {
  if (s.pad == 0) return x;
  const std::int64_t height = s.h + 2 * s.pad.h;
  const std::int64_t width = s.w + 2 * s.pad.w;
  const std::int64_t planes = context.blocks() * s.c;
  float* out = context.run.scratch_floats(planes * height * width * kLanes);
  context.workers.parallel(planes, [&](std::int64_t plane) {
    float* to = out + plane * height * width * kLanes;
    const float* from = x + plane * s.h * s.w * kLanes;
    std::fill_n(to, height * width * kLanes, 0.0f);
    for (std::int64_t row = 0; row < s.h; ++row) {
      std::memcpy(to + ((row + s.pad.h) * width + s.pad.w) * kLanes, from + row * s.w * kLanes,
                  static_cast<std::size_t>(s.w * kLanes) * sizeof(float));
    }
  });
  return out;
}

void compute(const Conv2dOp& op, Context& context) {
  const ConvShape& s = op.s;
  if (s.is_depthwise()) return depthwise_conv2d(op, context);
  const std::int64_t height = s.h + 2 * s.pad.h;
  const std::int64_t width = s.w + 2 * s.pad.w;
  const std::int64_t group_in = s.c / s.groups;
  const std::int64_t plane = s.out_h() * s.out_w() * kLanes;
  const std::int64_t tiles = s.groups * tiles_of(s.o / s.groups);
  const float* x = padded(context.run.buffer(op.x).value.data(), s, context);
  const float* w = context.run.param(op.w).current().data();
  const float* bias = op.b == kNone ? nullptr : context.run.param(op.b).current().data();
  float* y = context.run.buffer(op.y).value.data();
  context.workers.parallel(context.blocks() * tiles, [&](std::int64_t task) {
    const std::int64_t block = task / tiles;
    const ChannelTile tile = channel_tile(task % tiles, s.o / s.groups);
    context.kernels.tiles({.x = x + (block * s.c + tile.group * group_in) * height * width * kLanes,
                           .w = w + tile.first * s.taps(),
                           .bias = bias == nullptr ? nullptr : bias + tile.first,
                           .y = y + (block * s.o + tile.first) * plane,
                           .outputs = static_cast<int>(tile.count),
                           .rows = s.out_h(),
                           .cols = s.out_w(),
                           .x_row = s.stride.h * width * kLanes,
                           .x_col = s.stride.w * kLanes,
                           .y_row = s.out_w() * kLanes,
                           .y_col = kLanes,
                           .y_out = plane,
                           .w_out = s.taps(),
                           .taps = {{group_in, s.k.h, s.k.w},
                                    {height * width * kLanes, s.dilation.h * width * kLanes, s.dilation.w * kLanes},
                                    {s.k.size(), s.k.w, 1}}});
  });
}

}  // namespace qrun::cpu
