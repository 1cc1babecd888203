// A weight a channel: one task a channel of a block of images, whose sums are added in order.
#include "math/channel_scale.h"

#include "cpu/ops.h"

namespace qrun::cpu {
namespace {

/// Calls `body(channel, block, offset)` for each channel of each block of images, spread over the threads.
template <class Body>
void for_channels(const Context& context, const Shape& s, const Body& body) {
  const std::int64_t blocks = context.blocks();
  context.workers.parallel(s.c * blocks, [&](std::int64_t task) {
    const std::int64_t channel = task / blocks;
    const std::int64_t block = task % blocks;
    body(channel, block, (block * s.c + channel) * s.h * s.w * kLanes);
  });
}

}  // namespace

void compute(const ChannelScaleOp& op, Context& context) {
  RunMemory& run = context.run;
  const float* x = run.buffer(op.x).value.data();
  float* y = run.buffer(op.y).value.data();
  const float* w = run.param(op.w).current().data();
  const float* b = op.b == kNone ? nullptr : run.param(op.b).current().data();
  for_channels(context, op.s, [&](std::int64_t c, std::int64_t, std::int64_t begin) {
    context.kernels.channel_scale(op.scaled, x + begin, w[c], b == nullptr ? 0.0F : b[c], y + begin,
                                  op.s.h * op.s.w * kLanes);
  });
}

void compute(const ChannelScaleBackwardWeightOp& op, Context& context) {
  RunMemory& run = context.run;
  const float* x = run.buffer(op.x).value.data();
  const float* dy = run.buffer(op.y).gradient.data();
  const std::int64_t blocks = context.blocks();
  run.partial.assign(static_cast<std::size_t>(op.s.c * blocks), Sums{});
  for_channels(context, op.s, [&](std::int64_t c, std::int64_t block, std::int64_t begin) {
    run.partial[static_cast<std::size_t>(c * blocks + block)] = context.kernels.channel_scale_sums(
        op.scaled, x + begin, dy + begin, op.s.h * op.s.w * kLanes, valid_lanes(context.n, block));
  });
  float* dw = run.param(op.w).gradient.data();
  float* db = op.b == kNone ? nullptr : run.param(op.b).gradient.data();
  for (std::int64_t c = 0; c < op.s.c; ++c) {
    Sums total;
    for (std::int64_t block = 0; block < blocks; ++block) {
      const Sums& sums = run.partial[static_cast<std::size_t>(c * blocks + block)];
      total.sum += sums.sum;
      total.other += sums.other;
    }
    dw[c] = static_cast<float>(total.other);
    if (db != nullptr) db[c] = static_cast<float>(total.sum);
  }
}

void compute(const ChannelScaleBackwardDataOp& op, Context& context) {
  RunMemory& run = context.run;
  const float* x = run.buffer(op.x).value.data();
  const float* dy = run.buffer(op.y).gradient.data();
  float* dx = run.buffer(op.dx).gradient.data();
  const float* w = run.param(op.w).current().data();
  for_channels(context, op.s, [&](std::int64_t c, std::int64_t, std::int64_t begin) {
    context.kernels.channel_scale_gradient(op.scaled, x + begin, dy + begin, w[c], dx + begin,
                                           op.s.h * op.s.w * kLanes);
  });
}

}  // namespace qrun::cpu
