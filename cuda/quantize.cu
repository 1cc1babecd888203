// Quantizers of activations: fitting, applying, and their gradient; and those of the parameters of all runs at once,
// where a block works on a piece of one blob of one run.
#include "cuda/fitting.cuh"
#include "cuda/kernels.h"
#include "math/relu.h"

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

__device__ inline float quantized(float v, const ActivationState& state) {
  float result = v;
  AllQuantizers::visit(state.settings.method,
                       [&]<class Q>() { result = decode(Q::code(v, state.params), state.params); });
  return result;
}

/// The gradient where v was quantized.
__device__ inline float masked(float gradient, float v, const ActivationState& state) {
  AllQuantizers::visit(state.settings.method, [&]<class Q>() {
    if (Q::saturates(v, state.params)) gradient = 0.0F;
  });
  return gradient;
}

__global__ void quantize_activation_kernel(std::int64_t n, Tensor x, Tensor y, const ActivationState* states) {
  const int i = element();
  if (i >= n) return;
  const unsigned run = blockIdx.y;
  y.data[run * y.stride + i] = quantized(x.data[run * x.stride + i], states[run]);
}

__global__ void quantize_backward_kernel(std::int64_t n, Tensor x, Tensor dy, Tensor dx,
                                         const ActivationState* states) {
  const int i = element();
  if (i >= n) return;
  const unsigned run = blockIdx.y;
  const float gradient = dy.data[run * dy.stride + i];
  dx.data[run * dx.stride + i] =
      states[run].settings.masks() ? masked(gradient, x.data[run * x.stride + i], states[run]) : gradient;
}

__global__ void quantize_relu_kernel(std::int64_t n, Tensor x, Tensor q, Tensor y, const ActivationState* states) {
  const int i = element();
  if (i >= n) return;
  const unsigned run = blockIdx.y;
  const float value = quantized(x.data[run * x.stride + i], states[run]);
  q.data[run * q.stride + i] = value;
  y.data[run * y.stride + i] = qrun::relu(value);
}

__global__ void quantize_relu_backward_kernel(std::int64_t n, Tensor x, Tensor y, Tensor dy, Tensor dq, Tensor dx,
                                              const ActivationState* states) {
  const int i = element();
  if (i >= n) return;
  const unsigned run = blockIdx.y;
  const float gradient = relu_gradient(y.data[run * y.stride + i], dy.data[run * dy.stride + i]);
  dq.data[run * dq.stride + i] = gradient;
  dx.data[run * dx.stride + i] =
      states[run].settings.masks() ? masked(gradient, x.data[run * x.stride + i], states[run]) : gradient;
}

/// True where the blob has a quantizer and no values were handed in.
__device__ inline bool to_quantize(const ParamState& state) {
  return state.quant.method != kNoQuantizer && state.given == 0;
}

template <Pass kPass>
__global__ void measure_params_kernel(ParamTable table, Workspace workspace) {
  const Piece piece = table.pieces[blockIdx.x];
  const ParamState& state = table.state_of(piece);
  const Stat needs = state.needs;
  if (!to_quantize(state) || (kPass == Pass::kSecond && !takes_two_passes(needs))) return;
  const Slice slice = table.slices[piece.slice];
  QStats& stats = state.stats[slice.index];
  const auto shift = static_cast<double>(state.master[slice.index * slice.n]);
  const Sums sums = piece_sums(state.master + piece.begin, piece.n, needs, kPass, stats, shift);
  const auto mine = static_cast<std::int64_t>(table.pieces - table.all_pieces) + blockIdx.x;
  if (threadIdx.x == 0) workspace.partials[mine] = sums;
  if (!is_last_block(workspace.counters + piece.slice, static_cast<unsigned>(slice.pieces))) return;
  const Sums total = total_of(workspace.partials + slice.first_piece, static_cast<unsigned>(slice.pieces), needs);
  if (threadIdx.x != 0) return;
  const bool finite = take_total(stats, total, slice.n, needs, kPass, shift);
  if (!finite) {
    diverge(table.control[piece.run], piece.param);
  } else if (is_final(needs, kPass)) {
    QStats fitted = stats;
    fitted.max_abs = range_of(state.quant, stats.max_abs);
    state.params[slice.index] = fit(fitted, state.quant);
  }
}

__global__ void quantize_params_kernel(ParamTable table) {
  const Piece piece = table.pieces[blockIdx.x];
  const ParamState& state = table.state_of(piece);
  if (!to_quantize(state)) return;
  const QParams params = state.params[table.slices[piece.slice].index];
  const float* __restrict__ master = state.master + piece.begin;
  float* __restrict__ value = state.value + piece.begin;
  AllQuantizers::visit(state.quant.method, [&]<class Q>() {
#pragma unroll 4
    for (int i = static_cast<int>(threadIdx.x); i < piece.n; i += static_cast<int>(kThreads))
      value[i] = decode(Q::code(master[i], params), params);
  });
}

__global__ void quantize_params_backward_kernel(ParamTable table) {
  const Piece piece = table.pieces[blockIdx.x];
  const ParamState& state = table.state_of(piece);
  if (!state.quant.masks()) return;
  const QParams params = state.params[table.slices[piece.slice].index];
  const float* __restrict__ master = state.master + piece.begin;
  float* __restrict__ gradient = state.gradient + piece.begin;
  AllQuantizers::visit(state.quant.method, [&]<class Q>() {
#pragma unroll 4
    for (int i = static_cast<int>(threadIdx.x); i < piece.n; i += static_cast<int>(kThreads))
      if (Q::saturates(master[i], params)) gradient[i] = 0.0F;
  });
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

void quantize_relu(const Scope& scope, std::int64_t size, Tensor x, Tensor q, Tensor y, const ActivationState* states) {
  launch(scope.stream, elements_grid(scope.n * size, scope.runs), quantize_relu_kernel, scope.n * size, x, q, y,
         states);
}

void quantize_relu_backward(const Scope& scope, std::int64_t size, Tensor x, Tensor y, Tensor dy, Tensor dq, Tensor dx,
                            const ActivationState* states) {
  launch(scope.stream, elements_grid(scope.n * size, scope.runs), quantize_relu_backward_kernel, scope.n * size, x, y,
         dy, dq, dx, states);
}

void quantize_params(cudaStream_t stream, const ParamTable& table, int passes, Workspace workspace) {
  if (passes == 0) return;
  const dim3 grid(static_cast<unsigned>(table.count));
  launch(stream, grid, measure_params_kernel<Pass::kFirst>, table, workspace);
  if (passes > 1) launch(stream, grid, measure_params_kernel<Pass::kSecond>, table, workspace);
  launch(stream, grid, quantize_params_kernel, table);
}

void quantize_params_backward(cudaStream_t stream, const ParamTable& table) {
  launch(stream, dim3(static_cast<unsigned>(table.count)), quantize_params_backward_kernel, table);
}

}  // namespace qrun::cuda
