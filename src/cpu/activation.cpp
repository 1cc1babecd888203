#include "math/activation.h"

#include "cpu/ops.h"

namespace qrun::cpu {

void compute(const ActivationOp& op, Context& context) {
  const float* x = context.run.buffer(op.x).value.data();
  float* y = context.run.buffer(op.y).value.data();
  const Activation activation = op.activation;
  for_pieces(context, context.floats(op.x), [&](std::int64_t begin, std::int64_t n) {
    for (std::int64_t i = begin; i < begin + n; ++i) y[i] = activated(activation, x[i]);
  });
}

void compute(const ActivationBackwardOp& op, Context& context) {
  const float* y = context.run.buffer(op.y).value.data();
  const float* dy = context.run.buffer(op.y).gradient.data();
  float* dx = context.run.buffer(op.dx).gradient.data();
  const Activation activation = op.activation;
  for_pieces(context, context.floats(op.dx), [&](std::int64_t begin, std::int64_t n) {
    for (std::int64_t i = begin; i < begin + n; ++i) dx[i] = activation_gradient(activation, y[i], dy[i]);
  });
}

}  // namespace qrun::cpu
