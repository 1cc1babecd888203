// Quantizers of activations: fitting, applying, and their gradient.
#include "cuda/kernels.h"
#include "cuda/statistics.cuh"

namespace qrun::cuda {
namespace {

struct Fitting {
  Tensor x;
  std::int64_t n;  // values of one run
  ActivationState* states;
  RunControl* control;
  std::int32_t place;
  bool training;
  Workspace workspace;
};

template <Pass kPass>
__global__ void measure(Fitting f) {
  const unsigned run = blockIdx.y;
  ActivationState& state = f.states[run];
  const Stat needs = state.needs;
  if (state.settings.method == kNoQuantizer || (kPass == Pass::kSecond && needs == Stat::kMaxAbs)) return;
  Sums* partials = f.workspace.partials + static_cast<std::int64_t>(run) * gridDim.x;
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * kPiece;
  const std::int64_t n = f.n - begin < kPiece ? f.n - begin : kPiece;
  const Sums sums = piece_sums(f.x.data + run * f.x.stride + begin, n, needs, kPass, state.stats);
  if (threadIdx.x == 0) partials[blockIdx.x] = sums;
  if (!is_last_block(f.workspace.counters + run, gridDim.x)) return;
  const Sums total = total_of(partials, gridDim.x, needs);
  if (threadIdx.x != 0) return;
  const bool finite = take_total(state.stats, total, f.n, needs, kPass);
  if (!finite) {
    diverge(f.control[run], f.place);
  } else if (is_final(needs, kPass)) {
    QStats stats = state.stats;
    stats.max_abs = range_of(state.settings, stats.max_abs, state.range, f.training);
    state.params = fit(stats, state.settings);
  }
}

__global__ void apply(std::int64_t n, Tensor x, Tensor y, const ActivationState* states) {
  const std::int64_t i = element();
  if (i >= n) return;
  const unsigned run = blockIdx.y;
  const ActivationState& state = states[run];
  const float v = x.data[run * x.stride + i];
  float* to = y.data + run * y.stride + i;
  if (state.settings.method == kNoQuantizer) {
    *to = v;
    return;
  }
  AllQuantizers::visit(state.settings.method, [&]<class Q>() { *to = decode(Q::code(v, state.params), state.params); });
}

__global__ void pass_gradient(std::int64_t n, Tensor x, Tensor dy, Tensor dx, const ActivationState* states) {
  const std::int64_t i = element();
  if (i >= n) return;
  const unsigned run = blockIdx.y;
  const ActivationState& state = states[run];
  float gradient = dy.data[run * dy.stride + i];
  if (state.settings.method != kNoQuantizer && state.settings.gradient == Gradient::kSteClipped) {
    const float v = x.data[run * x.stride + i];
    AllQuantizers::visit(state.settings.method, [&]<class Q>() {
      if (Q::saturates(v, state.params)) gradient = 0.0F;
    });
  }
  dx.data[run * dx.stride + i] = gradient;
}

}  // namespace

void fit_activation(const Scope& scope, std::int64_t size, Tensor x, ActivationState* states, RunControl* control,
                    std::int32_t place, bool two_passes, Workspace workspace) {
  const std::int64_t n = scope.n * size;
  const Fitting fitting{x, n, states, control, place, scope.training, workspace};
  const dim3 grid(static_cast<unsigned>(ceil_div(n, kPiece)), static_cast<unsigned>(scope.runs));
  launch(scope.stream, grid, measure<Pass::kFirst>, fitting);
  if (two_passes) launch(scope.stream, grid, measure<Pass::kSecond>, fitting);
}

void quantize(const Scope& scope, std::int64_t size, Tensor x, Tensor y, const ActivationState* states) {
  launch(scope.stream, elements_grid(scope.n * size, scope.runs), apply, scope.n * size, x, y, states);
}

void quantize_backward(const Scope& scope, std::int64_t size, Tensor x, Tensor dy, Tensor dx,
                       const ActivationState* states) {
  launch(scope.stream, elements_grid(scope.n * size, scope.runs), pass_gradient, scope.n * size, x, dy, dx, states);
}

}  // namespace qrun::cuda
