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

/// Kernel rows (or columns) t, with kernel index r + t stride, through which outputs reach one input position.
struct Reach {
  std::int64_t r = 0;      // first kernel index
  std::int64_t out = 0;    // output position at t = 0
  std::int64_t first = 0;  // of t
  std::int64_t count = 0;
};
Reach reach(std::int64_t position, std::int64_t out_size, const ConvShape& s) {
  Reach result;
  result.r = position % s.stride;
  result.out = position / s.stride;
  result.first = std::max<std::int64_t>(0, result.out - (out_size - 1));
  const std::int64_t last = result.r < s.k ? std::min(result.out, (s.k - 1 - result.r) / s.stride) : -1;
  result.count = std::max<std::int64_t>(0, last - result.first + 1);
  return result;
}

/// dx of one row, for a tile of channels, through tiles of products over a dy with zero columns at its sides.
void row_by_tiles(const Conv2dBackwardDataOp& op, Context& context, const float* dy, std::int64_t border,
                  const ChannelTile& tile, std::int64_t row, float* dx) {
  const ConvShape& s = op.s;
  const std::int64_t group_out = s.o / s.groups;
  const std::int64_t group_in = s.c / s.groups;
  const std::int64_t width = s.out_w() + 2 * border;
  const Reach y = reach(row + s.pad, s.out_h(), s);
  const float* w = context.run.param(op.w).current().data() +
                   (tile.group * group_out * group_in + tile.first % group_in) * s.k * s.k;
  for (std::int64_t col = 0; col < std::min(s.stride, s.w); ++col) {
    const std::int64_t x_at = col + s.pad;
    const std::int64_t r = x_at % s.stride;
    const std::int64_t columns = r < s.k ? (s.k - 1 - r) / s.stride + 1 : 0;
    const bool any = y.count > 0 && columns > 0;
    const TileJob job{.x = dy + ((tile.group * group_out * s.out_h() + (any ? y.out - y.first : 0)) * width +
                                 x_at / s.stride + border) *
                                    kLanes,
                      .w = w + (any ? (y.r + y.first * s.stride) * s.k + r : 0),
                      .bias = nullptr,
                      .y = dx + col * kLanes,
                      .outputs = static_cast<int>(tile.count),
                      .rows = 1,
                      .cols = ceil_div(s.w - col, s.stride),
                      .x_row = 0,
                      .x_col = kLanes,
                      .y_row = 0,
                      .y_col = s.stride * kLanes,
                      .y_out = s.h * s.w * kLanes,
                      .w_out = s.k * s.k,
                      .taps = {{any ? group_out : 0, y.count, columns},
                               {s.out_h() * width * kLanes, -width * kLanes, -kLanes},
                               {group_in * s.k * s.k, s.stride * s.k, s.stride}}};
    context.kernels.tiles(job);
  }
}

/// dx by the kernel that scatters each dy vector, at stride 1 and for a k that it has.
void rows_by_scatter(const Conv2dBackwardDataOp& op, Context& context, const float* dy, const ChannelTile& tile,
                     float* dx) {
  const ConvShape& s = op.s;
  const std::int64_t group_out = s.o / s.groups;
  const std::int64_t group_in = s.c / s.groups;
  const float* w = context.run.param(op.w).current().data() +
                   (tile.group * group_out * group_in + tile.first % group_in) * s.k * s.k;
  for (std::int64_t c = 0; c < tile.count; c += 2) {
    for (std::int64_t row = 0; row < s.h; ++row) {
      const Reach y = reach(row + s.pad, s.out_h(), s);
      const RowGradientJob job{
          .dy = dy + (tile.group * group_out * s.out_h() + (y.count > 0 ? y.out - y.first : 0)) * s.out_w() * kLanes,
          .w = w + c * s.k * s.k + y.first * s.k,
          .dx = dx + (c * s.h + row) * s.w * kLanes,
          .channels = tile.count - c > 1 ? 2 : 1,
          .k = s.k,
          .pad = s.pad,
          .outputs = group_out,
          .kernel_rows = y.count,
          .out_cols = s.out_w(),
          .in_cols = s.w,
          .dy_o = s.out_h() * s.out_w() * kLanes,
          .dy_row = s.out_w() * kLanes,
          .dx_out = s.h * s.w * kLanes,
          .w_o = group_in * s.k * s.k,
          .w_c = s.k * s.k};
      context.kernels.row_gradient(job);
    }
  }
}

}  // namespace

void compute(const Conv2dBackwardDataOp& op, Context& context) {
  const ConvShape& s = op.s;
  const std::int64_t group_in = s.c / s.groups;
  const std::int64_t tiles = s.groups * tiles_of(group_in);
  const float* dy = context.run.buffer(op.y).gradient.data();
  float* dx = context.run.buffer(op.dx).gradient.data();
  const std::int64_t border = ceil_div(s.k - 1, s.stride);
  const bool scatter = s.stride == 1 && std::ranges::find(kRowGradientSizes, s.k) != kRowGradientSizes.end();
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
