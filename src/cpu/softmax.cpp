// Softmax over channels: one task a pixel of a block of images.
#include "math/softmax.h"

#include "cpu/ops.h"

namespace qrun::cpu {
namespace {

/// Calls `body(offset of the first channel)` for each pixel of each image, spread over the threads.
template <class Body>
void for_pixels(const Context& context, const Shape& s, const Body& body) {
  const std::int64_t plane = s.h * s.w;
  context.workers.parallel(context.blocks() * plane, [&](std::int64_t task) {
    const std::int64_t first = (task / plane * s.c * plane + task % plane) * kLanes;
    for (std::int64_t lane = 0; lane < kLanes; ++lane) body(first + lane);
  });
}

}  // namespace

void compute(const SoftmaxOp& op, Context& context) {
  const float* x = context.run.buffer(op.x).value.data();
  float* y = context.run.buffer(op.y).value.data();
  const std::int64_t apart = op.s.h * op.s.w * kLanes;
  for_pixels(context, op.s, [&](std::int64_t i) { softmax(x + i, apart, op.s.c, y + i); });
}

void compute(const SoftmaxBackwardOp& op, Context& context) {
  const float* y = context.run.buffer(op.y).value.data();
  const float* dy = context.run.buffer(op.y).gradient.data();
  float* dx = context.run.buffer(op.dx).gradient.data();
  const std::int64_t apart = op.s.h * op.s.w * kLanes;
  for_pixels(context, op.s, [&](std::int64_t i) { softmax_backward(y + i, dy + i, apart, op.s.c, dx + i); });
}

}  // namespace qrun::cpu
