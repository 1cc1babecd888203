// Local response normalization: one task a channel of a block of images.
#include "math/lrn.h"

#include "cpu/ops.h"

namespace qrun::cpu {
namespace {

LrnPlanes planes_of(const Lrn& lrn, const Shape& s, std::int64_t channel) {
  return {.lrn = lrn, .channel = channel, .channels = s.c, .rows = s.h, .columns = s.w};
}

/// Calls `body(channel, offset of the block)` for each channel of each block of images, spread over the threads.
template <class Body>
void for_channels(const Context& context, const Shape& s, const Body& body) {
  context.workers.parallel(s.c * context.blocks(),
                           [&](std::int64_t task) { body(task % s.c, task / s.c * s.size() * kLanes); });
}

}  // namespace

void compute(const LrnOp& op, Context& context) {
  const float* x = context.run.buffer(op.x).value.data();
  float* scale = context.run.buffer(op.scale).value.data();
  float* y = context.run.buffer(op.y).value.data();
  for_channels(context, op.s, [&](std::int64_t channel, std::int64_t block) {
    context.kernels.lrn({planes_of(op.lrn, op.s, channel), x + block, scale + block, y + block});
  });
}

void compute(const LrnBackwardOp& op, Context& context) {
  const float* x = context.run.buffer(op.x).value.data();
  const float* scale = context.run.buffer(op.scale).value.data();
  const float* y = context.run.buffer(op.y).value.data();
  const float* dy = context.run.buffer(op.y).gradient.data();
  float* dx = context.run.buffer(op.dx).gradient.data();
  for_channels(context, op.s, [&](std::int64_t channel, std::int64_t block) {
    context.kernels.lrn_backward(
        {planes_of(op.lrn, op.s, channel), x + block, y + block, scale + block, dy + block, dx + block});
  });
}

}  // namespace qrun::cpu
