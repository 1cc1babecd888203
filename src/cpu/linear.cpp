// Matrix products on blocks of 16 images: the same tiles as convolution, with blocks of images as columns.
#include <algorithm>
#include <cstring>

#include "cpu/ops.h"

namespace qrun::cpu {
namespace {

int outputs_in(std::int64_t first, std::int64_t outputs) {
  return static_cast<int>(std::min<std::int64_t>(kTile, outputs - first));
}

/// x as [image][inputs rounded up to 16], so that dw has inputs as vectors.
const float* transposed(const float* x, std::int64_t in, std::int64_t padded_in, Context& context) {
  float* out = context.run.scratch_floats(context.blocks() * kLanes * padded_in);
  context.workers.parallel(context.blocks(), [&](std::int64_t block) {
    const float* from = x + block * in * kLanes;
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      float* to = out + (block * kLanes + lane) * padded_in;
      for (std::int64_t i = 0; i < in; ++i) to[i] = from[i * kLanes + lane];
      for (std::int64_t i = in; i < padded_in; ++i) to[i] = 0.0f;
    }
  });
  return out;
}

}  // namespace

void bias_gradient(const float* dy, std::int64_t block_size, std::int64_t plane, std::int64_t blocks, std::int64_t o,
                   float* db) {
  float sum[kLanes] = {};
  for (std::int64_t block = 0; block < blocks; ++block) {
    const float* from = dy + block * block_size + o * plane;
    for (std::int64_t i = 0; i < plane; i += kLanes) {
      for (std::int64_t lane = 0; lane < kLanes; ++lane) sum[lane] += from[i + lane];
    }
  }
  float total = 0;
  for (const float lane : sum) total += lane;
  db[o] = total;
}

void compute(const LinearOp& op, Context& context) {
  const float* x = context.run.buffer(op.x).value.data();
  const float* w = context.run.param(op.w).current().data();
  const float* bias = op.b == kNone ? nullptr : context.run.param(op.b).current().data();
  float* y = context.run.buffer(op.y).value.data();
  context.workers.parallel(tiles_of(op.out), [&](std::int64_t tile) {
    const std::int64_t o = tile * kTile;
    context.kernels.tiles({.x = x,
                           .w = w + o * op.in,
                           .bias = bias == nullptr ? nullptr : bias + o,
                           .y = y + o * kLanes,
                           .outputs = outputs_in(o, op.out),
                           .rows = 1,
                           .cols = context.blocks(),
                           .x_row = 0,
                           .x_col = op.in * kLanes,
                           .y_row = 0,
                           .y_col = op.out * kLanes,
                           .y_out = kLanes,
                           .w_out = op.in,
                           .taps = {{1, 1, op.in}, {0, 0, kLanes}, {0, 0, 1}}});
  });
}

void compute(const LinearBackwardDataOp& op, Context& context) {
  const float* dy = context.run.buffer(op.y).gradient.data();
  const float* w = context.run.param(op.w).current().data();
  float* dx = context.run.buffer(op.dx).gradient.data();
  context.workers.parallel(tiles_of(op.in), [&](std::int64_t tile) {
    const std::int64_t i = tile * kTile;
    context.kernels.tiles({.x = dy,
                           .w = w + i,
                           .bias = nullptr,
                           .y = dx + i * kLanes,
                           .outputs = outputs_in(i, op.in),
                           .rows = 1,
                           .cols = context.blocks(),
                           .x_row = 0,
                           .x_col = op.out * kLanes,
                           .y_row = 0,
                           .y_col = op.in * kLanes,
                           .y_out = kLanes,
                           .w_out = 1,
                           .taps = {{1, 1, op.out}, {0, 0, kLanes}, {0, 0, op.in}}});
  });
}

void compute(const LinearBackwardWeightOp& op, Context& context) {
  const std::int64_t padded_in = ceil_div(op.in, kLanes) * kLanes;
  const float* x = transposed(context.run.buffer(op.x).value.data(), op.in, padded_in, context);
  const float* dy = context.run.buffer(op.y).gradient.data();
  float* dw = context.run.param(op.w).gradient.data();
  const auto weight_task = [&](std::int64_t tile) {
    const std::int64_t o = tile * kTile;
    TileJob job{.x = x,
                .w = dy + o * kLanes,
                .bias = nullptr,
                .y = dw + o * op.in,
                .outputs = outputs_in(o, op.out),
                .rows = 1,
                .cols = op.in / kLanes,
                .x_row = 0,
                .x_col = kLanes,
                .y_row = 0,
                .y_col = kLanes,
                .y_out = op.in,
                .w_out = kLanes,
                .taps = {{1, context.blocks(), kLanes}, {0, kLanes * padded_in, padded_in}, {0, op.out * kLanes, 1}}};
    context.kernels.tiles(job);
    const std::int64_t whole = op.in / kLanes * kLanes;
    if (whole == op.in) return;
    float rest[kTile * kLanes];  // the last vector would reach into the next row
    job.x += whole;
    job.y = rest;
    job.cols = 1;
    job.y_out = kLanes;
    context.kernels.tiles(job);
    for (int k = 0; k < job.outputs; ++k) {
      std::memcpy(dw + (o + k) * op.in + whole, rest + k * kLanes,
                  static_cast<std::size_t>(op.in - whole) * sizeof(float));
    }
  };
  const std::int64_t tiles = tiles_of(op.out);
  context.workers.parallel(tiles + (op.b == kNone ? 0 : op.out), [&](std::int64_t task) {
    if (task < tiles) return weight_task(task);
    bias_gradient(dy, op.out * kLanes, kLanes, context.blocks(), task - tiles, context.run.param(op.b).gradient.data());
  });
}

}  // namespace qrun::cpu
