#include "math/add.h"

#include "cpu/ops.h"

namespace qrun::cpu {

void compute(const AddOp& op, Context& context) {
  float* y = context.run.buffer(op.y).value.data();
  for_pieces(context, context.floats(op.y), [&](std::int64_t begin, std::int64_t n) {
    for (std::size_t input = 0; input < op.x.size(); ++input) {
      const float* x = context.run.buffer(op.x[input]).value.data() + begin;
      const float coefficient = op.coefficients[input];
      if (input == 0) {
        for (std::int64_t i = 0; i < n; ++i) y[begin + i] = scaled(coefficient, x[i]);
      } else {
        for (std::int64_t i = 0; i < n; ++i) y[begin + i] = add_scaled(y[begin + i], coefficient, x[i]);
      }
    }
  });
}

void compute(const AddBackwardOp& op, Context& context) {
  const float* dy = context.run.buffer(op.y).gradient.data();
  float* dx = context.run.buffer(op.dx).gradient.data();
  for_pieces(context, context.floats(op.dx), [&](std::int64_t begin, std::int64_t n) {
    for (std::int64_t i = begin; i < begin + n; ++i) dx[i] = scaled(op.coefficient, dy[i]);
  });
}

}  // namespace qrun::cpu
