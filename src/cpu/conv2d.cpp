// Convolution, direct, 16 images innermost. Tasks are (block of images, tile of filters) for y and dx, and (tile of
// filters, channel, kernel row) over all images for dw: no sum is ever split between tasks.
#include <algorithm>
#include <cstring>

#include "cpu/ops.h"

namespace qrun::cpu {
namespace {

std::int64_t tiles_of(std::int64_t channels) { return (channels + kTile - 1) / kTile; }

/// A tile of channels inside one group.
struct ChannelTile {
  std::int64_t group, first, count;  // first: over all groups
};
ChannelTile channel_tile(std::int64_t index, std::int64_t per_group) {
  const std::int64_t tiles = tiles_of(per_group);
  const std::int64_t group = index / tiles;
  const std::int64_t offset = index % tiles * kTile;
  return {group, group * per_group + offset, std::min<std::int64_t>(kTile, per_group - offset)};
}

/// x with its zero border, [block][c][h + 2 pad][w + 2 pad][16]; x itself where there is none.
const float* padded(const float* x, const ConvShape& s, Context& context) {
  if (s.pad == 0) return x;
  const std::int64_t height = s.h + 2 * s.pad;
  const std::int64_t width = s.w + 2 * s.pad;
  const std::int64_t planes = context.blocks() * s.c;
  float* out = context.run.scratch_floats(planes * height * width * kLanes);
  context.workers.parallel(planes, [&](std::int64_t plane) {
    float* to = out + plane * height * width * kLanes;
    const float* from = x + plane * s.h * s.w * kLanes;
    std::fill_n(to, height * width * kLanes, 0.0f);
    for (std::int64_t row = 0; row < s.h; ++row) {
      std::memcpy(to + ((row + s.pad) * width + s.pad) * kLanes, from + row * s.w * kLanes,
                  static_cast<std::size_t>(s.w * kLanes) * sizeof(float));
    }
  });
  return out;
}

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
  const float* w =
      context.run.param(op.w).current() + (tile.group * group_out * group_in + tile.first % group_in) * s.k * s.k;
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
                      .cols = (s.w - col + s.stride - 1) / s.stride,
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

/// dx by the kernel that scatters each dy vector; false if it has none for this shape.
bool rows_by_scatter(const Conv2dBackwardDataOp& op, Context& context, const float* dy, const ChannelTile& tile,
                     float* dx) {
  const ConvShape& s = op.s;
  if (s.stride != 1) return false;
  const std::int64_t group_out = s.o / s.groups;
  const std::int64_t group_in = s.c / s.groups;
  const float* w =
      context.run.param(op.w).current() + (tile.group * group_out * group_in + tile.first % group_in) * s.k * s.k;
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
      if (!context.kernels.row_gradient(job)) return false;
    }
  }
  return true;
}

}  // namespace

void run(const Conv2dOp& op, Context& context) {
  const ConvShape& s = op.s;
  const std::int64_t height = s.h + 2 * s.pad;
  const std::int64_t width = s.w + 2 * s.pad;
  const std::int64_t group_in = s.c / s.groups;
  const std::int64_t plane = s.out_h() * s.out_w() * kLanes;
  const std::int64_t tiles = s.groups * tiles_of(s.o / s.groups);
  const float* x = padded(context.run.buffer(op.x).value.data(), s, context);
  const float* w = context.run.param(op.w).current();
  const float* bias = op.b == kNone ? nullptr : context.run.param(op.b).current();
  float* y = context.run.buffer(op.y).value.data();
  context.workers.parallel(context.blocks() * tiles, [&](std::int64_t task) {
    const std::int64_t block = task / tiles;
    const ChannelTile tile = channel_tile(task % tiles, s.o / s.groups);
    context.kernels.tiles(
        {.x = x + (block * s.c + tile.group * group_in) * height * width * kLanes,
         .w = w + tile.first * group_in * s.k * s.k,
         .bias = bias == nullptr ? nullptr : bias + tile.first,
         .y = y + (block * s.o + tile.first) * plane,
         .outputs = static_cast<int>(tile.count),
         .rows = s.out_h(),
         .cols = s.out_w(),
         .x_row = s.stride * width * kLanes,
         .x_col = s.stride * kLanes,
         .y_row = s.out_w() * kLanes,
         .y_col = kLanes,
         .y_out = plane,
         .w_out = group_in * s.k * s.k,
         .taps = {{group_in, s.k, s.k}, {height * width * kLanes, width * kLanes, kLanes}, {s.k * s.k, s.k, 1}}});
  });
}

void run(const Conv2dBackwardDataOp& op, Context& context) {
  const ConvShape& s = op.s;
  const std::int64_t group_in = s.c / s.groups;
  const std::int64_t tiles = s.groups * tiles_of(group_in);
  const float* dy = context.run.buffer(op.y).gradient.data();
  float* dx = context.run.buffer(op.x).gradient.data();
  const std::int64_t border = (s.k - 1 + s.stride - 1) / s.stride;
  const bool scatter = s.stride == 1 && (s.k == 3 || s.k == 5);
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

void run(const Conv2dBackwardWeightOp& op, Context& context) {
  const ConvShape& s = op.s;
  const std::int64_t height = s.h + 2 * s.pad;
  const std::int64_t width = s.w + 2 * s.pad;
  const std::int64_t group_in = s.c / s.groups;
  const std::int64_t plane = s.out_h() * s.out_w() * kLanes;
  const std::int64_t tiles = s.groups * tiles_of(s.o / s.groups);
  const float* x = padded(context.run.buffer(op.x).value.data(), s, context);
  const float* dy = context.run.buffer(op.y).gradient.data();
  float* dw = context.run.param(op.w).gradient.data();
  const auto filter_task = [&](std::int64_t task) {
    const std::int64_t row = task % s.k;
    const std::int64_t channel = task / s.k % group_in;
    const ChannelTile tile = channel_tile(task / s.k / group_in, s.o / s.groups);
    for (std::int64_t col = 0; col < s.k; col += kTile) {
      context.kernels.filter({.x = x + (((tile.group * group_in + channel) * height + row) * width + col) * kLanes,
                              .dy = dy + tile.first * plane,
                              .dw = dw + ((tile.first * group_in + channel) * s.k + row) * s.k + col,
                              .outputs = static_cast<int>(tile.count),
                              .taps = static_cast<int>(std::min<std::int64_t>(kTile, s.k - col)),
                              .blocks = context.blocks(),
                              .rows = s.out_h(),
                              .cols = s.out_w(),
                              .x_block = s.c * height * width * kLanes,
                              .x_row = s.stride * width * kLanes,
                              .x_col = s.stride * kLanes,
                              .dy_block = s.o * plane,
                              .dy_row = s.out_w() * kLanes,
                              .dy_out = plane,
                              .dw_out = group_in * s.k * s.k});
    }
  };
  const std::int64_t filters = tiles * group_in * s.k;
  context.workers.parallel(filters + (op.b == kNone ? 0 : s.o), [&](std::int64_t task) {
    if (task < filters) return filter_task(task);
    bias_gradient(dy, s.o * plane, plane, context.blocks(), task - filters, context.run.param(op.b).gradient.data());
  });
}

}  // namespace qrun::cpu
