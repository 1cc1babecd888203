#include "cpu/ops.h"

namespace qrun::cpu {

void compute(const ReluOp& op, Context& context) {
  const float* x = context.run.buffer(op.x).value.data();
  float* y = context.run.buffer(op.y).value.data();
  for_pieces(context, context.floats(op.x),
             [&](std::int64_t begin, std::int64_t n) { context.kernels.relu(x + begin, y + begin, n); });
}

void compute(const ReluBackwardOp& op, Context& context) {
  const float* y = context.run.buffer(op.y).value.data();
  const float* dy = context.run.buffer(op.y).gradient.data();
  float* dx = context.run.buffer(op.dx).gradient.data();
  for_pieces(context, context.floats(op.dx), [&](std::int64_t begin, std::int64_t n) {
    context.kernels.relu_backward(y + begin, dy + begin, dx + begin, n);
  });
}

}  // namespace qrun::cpu
