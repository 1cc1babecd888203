// What becomes of the gradients of parameters before an update.
#include "cpu/ops.h"
#include "math/solver.h"

namespace qrun::cpu {
namespace {

/// The sum of the pieces' sums, in order.
double squares_of(const Array<float>& gradient, const Context& context) {
  std::vector<Sums>& partial = context.run.partial;
  partial.assign(static_cast<std::size_t>(ceil_div(gradient.size(), kPiece)), Sums{});
  for_pieces(context, gradient.size(), [&](std::int64_t begin, std::int64_t n) {
    double& sum = partial[static_cast<std::size_t>(begin / kPiece)].sum;
    for (std::int64_t i = begin; i < begin + n; ++i) {
      const auto g = static_cast<double>(gradient.data()[i]);
      sum += g * g;
    }
  });
  double squares = 0;
  for (const Sums& sums : partial) squares += sums.sum;
  return squares;
}

}  // namespace

void compute(const AccumulateGradientOp& op, Context& context) {
  ParamMemory& param = context.run.param(op.param);
  for_pieces(context, param.sum.size(), [&](std::int64_t begin, std::int64_t n) {
    for (std::int64_t i = begin; i < begin + n; ++i) param.sum.data()[i] += param.gradient.data()[i];
  });
}

void compute(const MeanGradientOp& op, Context& context) {
  ParamMemory& param = context.run.param(op.param);
  for_pieces(context, param.sum.size(), [&](std::int64_t begin, std::int64_t n) {
    for (std::int64_t i = begin; i < begin + n; ++i) {
      param.gradient.data()[i] = mean_gradient(param.sum.data()[i], op.batches);
      param.sum.data()[i] = 0.0F;
    }
  });
}

void compute(const ClipGradientsOp& op, Context& context) {
  RunMemory& run = context.run;
  const double limit = run.settings.solver.clip_gradients;
  if (limit == 0) return;
  const auto learns = [&](ParamId p) { return run.settings.params[static_cast<std::size_t>(p)].lr_mult > 0; };
  double squares = 0;
  for (ParamId p = 0; p < op.params; ++p) {
    if (learns(p)) squares += squares_of(run.param(p).gradient, context);
  }
  const float factor = clip_factor(squares, limit);
  if (factor == 1.0F) return;
  for (ParamId p = 0; p < op.params; ++p) {
    if (!learns(p)) continue;
    Array<float>& gradient = run.param(p).gradient;
    for_pieces(context, gradient.size(), [&](std::int64_t begin, std::int64_t n) {
      for (std::int64_t i = begin; i < begin + n; ++i) gradient.data()[i] *= factor;
    });
  }
}

}  // namespace qrun::cpu
