// Quantizers of activations: fitting, applying, and their gradient.
#include "cuda/fitting.cuh"
#include "cuda/kernels.h"

namespace qrun::cuda {
namespace {

template <Pass kPass>
__global__ void measure_activation_kernel(Tensor x, std::int64_t n_of_run, Fitting f) {
  const unsigned run = blockIdx.y;
  ActivationState& state = f.states[run];
  const Stat needs = state.needs;
  if (state.settings.method == kNoQuantizer) return;
  if ((kPass == Pass::kSecond && !takes_two_passes(needs)) || (needs == Stat::kMaxAbs && f.has_maxima)) return;
  Sums* partials = f.workspace.partials + static_cast<std::int64_t>(run) * gridDim.x;
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * kPiece;
  const std::int64_t n = n_of_run - begin < kPiece ? n_of_run - begin : kPiece;
  const auto shift = static_cast<double>(x.data[run * x.stride]);
  const Sums sums = piece_sums(x.data + run * x.stride + begin, n, needs, kPass, state.stats, shift);
  if (threadIdx.x == 0) partials[blockIdx.x] = sums;
  if (!is_last_block(f.workspace.counters + run, gridDim.x)) return;
  const Sums total = total_of(partials, gridDim.x, needs);
  if (threadIdx.x == 0) finish_pass(f, run, total, n_of_run, kPass, shift);
}

__global__ void quantize_activation_kernel(std::int64_t n, Tensor x, Tensor y, const ActivationState* states) {
  const int i = element();
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

__global__ void quantize_backward_kernel(std::int64_t n, Tensor x, Tensor dy, Tensor dx,
                                         const ActivationState* states) {
  const int i = element();
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

void fit_activation(const Scope& scope, std::int64_t size, Tensor x, const Fitting& fitting, int passes) {
  const std::int64_t n = scope.n * size;
  const dim3 grid(static_cast<unsigned>(ceil_div(n, kPiece)), static_cast<unsigned>(scope.runs));
  if (passes > 0) launch(scope.stream, grid, measure_activation_kernel<Pass::kFirst>, x, n, fitting);
  if (passes > 1) launch(scope.stream, grid, measure_activation_kernel<Pass::kSecond>, x, n, fitting);
}

void quantize(const Scope& scope, std::int64_t size, Tensor x, Tensor y, const ActivationState* states) {
  launch(scope.stream, elements_grid(scope.n * size, scope.runs), quantize_activation_kernel, scope.n * size, x, y,
         states);
}

void quantize_backward(const Scope& scope, std::int64_t size, Tensor x, Tensor dy, Tensor dx,
                       const ActivationState* states) {
  launch(scope.stream, elements_grid(scope.n * size, scope.runs), quantize_backward_kernel, scope.n * size, x, dy, dx,
         states);
}

}  // namespace qrun::cuda
