// The gradient of a convolution's input. A task is a block of images and a tile of channels.
#include <cstring>

#include "core/error.h"
#include "cpu/conv2d.h"

namespace qrun::cpu {
namespace {

/// dy with `border` zero columns on both sides, [block][o][out_h][out_w + 2 border][16].
const float* widened(const float* dy, const ConvShape& s, std::int64_t border, Context& context) {
  if (border == 0) return dy;
  const std::int64_t width = s.out_w() + 2 * border;
  const std::int64_t rows = context.blocks() * s.o * s.out_h();
  float* out = context.run.scratch_floats(rows * width * kLanes);
  context.workers.parallel(context.blocks() * s.o, [&](std::int64_t plane) {
    for (std::int64_t row = plane * s.out_h(); row < (plane + 1) * s.out_h(); ++row) {
      float* to = out + row * width * kLanes;
      std::fill_n(to, border * kLanes, 0.0f);
      std::memcpy(to + border * kLanes, dy + row * s.out_w() * kLanes,
                  static_cast<std::size_t>(s.out_w() * kLanes) * sizeof(float));
      std::fill_n(to + (border + s.out_w()) * kLanes, border * kLanes, 0.0f);
    }
  });
  return out;
}

/// The weight of a tile's first channel in the first filter of its group.
const float* first_weight(const Conv2dBackwardDataOp& op, const ChannelTile& tile, const Context& context) {
  const std::int64_t group_out = op.s.o / op.s.groups;
  const std::int64_t group_in = op.s.c / op.s.groups;
  return context.run.param(op.w).current().data() +
         (tile.group * group_out * group_in + tile.first % group_in) * op.s.k.size();
}

/// dx of one row, for a tile of channels, through tiles of products over a dy with zero columns at its sides.
void row_by_tiles(const Conv2dBackwardDataOp& op, Context& context, const float* dy, std::int64_t border,
                  const ChannelTile& tile, std::int64_t row, float* dx) {
  const ConvShape& s = op.s;
  const std::int64_t group_out = s.o / s.groups;
  const std::int64_t group_in = s.c / s.groups;
  const std::int64_t width = s.out_w() + 2 * border;
  const Reach<std::int64_t> y = reach_inside(s.rows(), row);
  const float* w = first_weight(op, tile, context);
  for (std::int64_t col = 0; col < std::min(s.stride.w, s.w); ++col) {
    const Reach<std::int64_t> x = reach_of(s.columns(), col);
    const bool any = y.count > 0 && x.count > 0;
    const TileJob job{
        .x = dy + ((tile.group * group_out * s.out_h() + (any ? y.out : 0)) * width + x.out + border) * kLanes,
        .w = w + (any ? y.first * s.k.w + x.first : 0),
        .bias = nullptr,
        .y = dx + col * kLanes,
        .outputs = static_cast<int>(tile.count),
        .rows = 1,
        .cols = ceil_div(s.w - col, s.stride.w),
        .x_row = 0,
        .x_col = kLanes,
        .y_row = 0,
        .y_col = s.stride.w * kLanes,
        .y_out = s.h * s.w * kLanes,
        .w_out = s.k.size(),
        .taps = {{any ? group_out : 0, y.count, x.count},
                 {s.out_h() * width * kLanes, -y.out_step * width * kLanes, -x.out_step * kLanes},
                 {group_in * s.k.size(), y.step * s.k.w, x.step}}};
    context.kernels.tiles(job);
  }
}

/// True where the kernel that scatters each dy vector can do it: at stride 1, for a width that it has.
bool has_row_gradient(const ConvShape& s) {
  return s.stride == 1 && s.dilation == 1 && std::ranges::find(kRowGradientSizes, s.k.w) != kRowGradientSizes.end();
}

/// dx by that kernel.
void rows_by_scatter(const Conv2dBackwardDataOp& op, Context& context, const float* dy, const ChannelTile& tile,
                     float* dx) {
  const ConvShape& s = op.s;
  const std::int64_t group_out = s.o / s.groups;
  const std::int64_t group_in = s.c / s.groups;
  const float* w = first_weight(op, tile, context);
  for (std::int64_t c = 0; c < tile.count; c += 2) {
    for (std::int64_t row = 0; row < s.h; ++row) {
      const Reach<std::int64_t> y = reach_inside(s.rows(), row);
      const RowGradientJob job{
          .dy = dy + (tile.group * group_out * s.out_h() + (y.count > 0 ? y.out : 0)) * s.out_w() * kLanes,
          .w = w + c * s.k.size() + (y.count > 0 ? y.first * s.k.w : 0),
          .dx = dx + (c * s.h + row) * s.w * kLanes,
          .channels = tile.count - c > 1 ? 2 : 1,
          .k = s.k.w,
          .pad = s.pad.w,
          .outputs = group_out,
          .kernel_rows = y.count,
          .out_cols = s.out_w(),
          .in_cols = s.w,
          .dy_o = s.out_h() * s.out_w() * kLanes,
          .dy_row = s.out_w() * kLanes,
          .dx_out = s.h * s.w * kLanes,
          .w_o = group_in * s.k.size(),
          .w_c = s.k.size()};
      context.kernels.row_gradient(job);
    }
  }
}

}  // namespace

void compute(const Conv2dBackwardDataOp& op, Context& context) {
  const ConvShape& s = op.s;
  if (s.is_depthwise()) return depthwise_conv2d_backward_data(op, context);
  const std::int64_t group_in = s.c / s.groups;
  const std::int64_t tiles = s.groups * tiles_of(group_in);
  const float* dy = context.run.buffer(op.y).gradient.data();
  float* dx = context.run.buffer(op.dx).gradient.data();
  const std::int64_t border = ceil_div(extent_of(s.columns()) - 1, s.stride.w);
  const bool scatter = has_row_gradient(s);
  const float* wide = scatter ? nullptr : widened(dy, s, border, context);
  context.workers.parallel(context.blocks() * tiles, [&](std::int64_t task) {
    const std::int64_t block = task / tiles;
    const ChannelTile tile = channel_tile(task % tiles, group_in);
    float* out = dx + (block * s.c + tile.first) * s.h * s.w * kLanes;
    if (scatter) {
      rows_by_scatter(op, context, dy + block * s.o * s.out_h() * s.out_w() * kLanes, tile, out);
      return;
    }
    const float* from = wide + block * s.o * s.out_h() * (s.out_w() + 2 * border) * kLanes;
    for (std::int64_t row = 0; row < s.h; ++row)
      row_by_tiles(op, context, from, border, tile, row, out + row * s.w * kLanes);
  });
}

}  // namespace qrun::cpu
