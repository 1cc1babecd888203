// Quantizers of activations: fitting, applying, and their gradient; and those of the parameters of all runs at once,
// where a block works on a piece of one blob of one run.
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
  if (state.settings.masks()) {
    const float v = x.data[run * x.stride + i];
    AllQuantizers::visit(state.settings.method, [&]<class Q>() {
      if (Q::saturates(v, state.params)) gradient = 0.0F;
    });
  }
  dx.data[run * dx.stride + i] = gradient;
}

/// False where values were handed in, too.
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
