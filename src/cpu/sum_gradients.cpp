#include "cpu/ops.h"

namespace qrun::cpu {

void compute(const SumGradientsOp& op, Context& context) {
  float* dx = context.run.buffer(op.dx).gradient.data();
  for_pieces(context, context.floats(op.dx), [&](std::int64_t begin, std::int64_t n) {
    std::copy_n(context.run.buffer(op.parts.front()).gradient.data() + begin, n, dx + begin);
    for (std::size_t part = 1; part < op.parts.size(); ++part) {
      const float* more = context.run.buffer(op.parts[part]).gradient.data() + begin;
      for (std::int64_t i = 0; i < n; ++i) dx[begin + i] += more[i];
    }
  });
}

}  // namespace qrun::cpu
