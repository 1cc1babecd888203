#include "math/eltwise.h"

#include "cpu/ops.h"

namespace qrun::cpu {

void compute(const EltwiseOp& op, Context& context) {
  const Eltwise type = op.type;
  float* y = context.run.buffer(op.y).value.data();
  for_pieces(context, context.floats(op.y), [&](std::int64_t begin, std::int64_t n) {
    for (std::size_t input = 0; input < op.x.size(); ++input) {
      const float* x = context.run.buffer(op.x[input]).value.data() + begin;
      const float coefficient = op.coefficients[input];
      if (input == 0) {
        for (std::int64_t i = 0; i < n; ++i) y[begin + i] = eltwise_first(type, coefficient, x[i]);
      } else {
        for (std::int64_t i = 0; i < n; ++i) y[begin + i] = eltwise_next(type, y[begin + i], coefficient, x[i]);
      }
    }
  });
}

void compute(const EltwiseBackwardOp& op, Context& context) {
  const Eltwise type = op.type;
  const float* dy = context.run.buffer(op.y).gradient.data();
  float* dx = context.run.buffer(op.dx).gradient.data();
  if (type == Eltwise::kSum) {
    return for_pieces(context, context.floats(op.dx), [&](std::int64_t begin, std::int64_t n) {
      for (std::int64_t i = begin; i < begin + n; ++i) dx[i] = eltwise_first(type, op.coefficient, dy[i]);
    });
  }
  const float* x = context.run.buffer(op.x[static_cast<std::size_t>(op.input)]).value.data();
  for_pieces(context, context.floats(op.dx), [&](std::int64_t begin, std::int64_t n) {
    const float* gradient = dy;
    for (int input = 0; input < static_cast<int>(op.x.size()); ++input) {
      if (input == op.input) continue;
      const float* other = context.run.buffer(op.x[static_cast<std::size_t>(input)]).value.data();
      const bool wins = wins_ties(op.input, input);
      for (std::int64_t i = begin; i < begin + n; ++i)
        dx[i] = eltwise_gradient(type, gradient[i], x[i], other[i], wins);
      gradient = dx;
    }
  });
}

}  // namespace qrun::cpu
