// What becomes of the gradients of parameters before an update. A block works on a piece of one blob of one run.
#include "cuda/kernels.h"
#include "cuda/statistics.cuh"

namespace qrun::cuda {
namespace {

__global__ void accumulate_gradients_kernel(ParamTable table) {
  const Piece piece = table.pieces[blockIdx.x];
  const ParamState& state = table.state_of(piece);
  const float* __restrict__ const gradient = state.gradient + piece.begin;
  float* __restrict__ const sum = state.sum + piece.begin;
#pragma unroll 4
  for (int i = static_cast<int>(threadIdx.x); i < piece.n; i += static_cast<int>(kThreads)) sum[i] += gradient[i];
}

__global__ void mean_gradients_kernel(ParamTable table, std::int64_t batches) {
  const Piece piece = table.pieces[blockIdx.x];
  const ParamState& state = table.state_of(piece);
  float* __restrict__ const gradient = state.gradient + piece.begin;
  float* __restrict__ const sum = state.sum + piece.begin;
#pragma unroll 4
  for (int i = static_cast<int>(threadIdx.x); i < piece.n; i += static_cast<int>(kThreads)) {
    gradient[i] = mean_gradient(sum[i], batches);
    sum[i] = 0.0F;
  }
}

__global__ void gradient_squares_kernel(ParamTable table, ClipOperands operands) {
  const Piece piece = table.pieces[blockIdx.x];
  const ParamState& state = table.state_of(piece);
  double mine = 0.0;
  if (operands.numbers[piece.run].clip_gradients > 0.0 && state.lr_mult > 0.0) {
    const float* __restrict__ const gradient = state.gradient + piece.begin;
#pragma unroll 4
    for (int i = static_cast<int>(threadIdx.x); i < piece.n; i += static_cast<int>(kThreads)) {
      const auto g = static_cast<double>(gradient[i]);
      mine += g * g;
    }
  }
  const double sum = block_reduce(mine, [](double a, double b) { return a + b; });
  const auto at = static_cast<std::int64_t>(table.pieces - table.all_pieces) + blockIdx.x;
  if (threadIdx.x == 0) operands.partials[at] = {sum, 0.0};
}

/// A block a run: which threads add which pieces depends on nothing but the run's own.
__global__ void clip_factors_kernel(int params, ClipOperands operands) {
  const std::int64_t run = operands.first + static_cast<std::int64_t>(blockIdx.x);
  const int begin = operands.piece_begin[run * params];
  const int end = operands.piece_begin[(run + 1) * params];
  double mine = 0.0;
  for (int i = begin + static_cast<int>(threadIdx.x); i < end; i += static_cast<int>(kThreads))
    mine += operands.partials[i].sum;
  const double squares = block_reduce(mine, [](double a, double b) { return a + b; });
  if (threadIdx.x == 0) operands.factors[run] = clip_factor(squares, operands.numbers[run].clip_gradients);
}

__global__ void clip_gradients_kernel(ParamTable table, ClipOperands operands) {
  const Piece piece = table.pieces[blockIdx.x];
  const ParamState& state = table.state_of(piece);
  const float factor = operands.factors[piece.run];
  if (factor == 1.0F || !(state.lr_mult > 0.0)) return;
  float* __restrict__ const gradient = state.gradient + piece.begin;
#pragma unroll 4
  for (int i = static_cast<int>(threadIdx.x); i < piece.n; i += static_cast<int>(kThreads)) gradient[i] *= factor;
}

dim3 grid_of(const ParamTable& table) { return dim3(static_cast<unsigned>(table.count)); }

}  // namespace

void accumulate_gradients(cudaStream_t stream, const ParamTable& table) {
  launch(stream, grid_of(table), accumulate_gradients_kernel, table);
}

void mean_gradients(cudaStream_t stream, const ParamTable& table, std::int64_t batches) {
  launch(stream, grid_of(table), mean_gradients_kernel, table, batches);
}

void clip_gradients(cudaStream_t stream, const ParamTable& table, const ClipOperands& operands) {
  launch(stream, grid_of(table), gradient_squares_kernel, table, operands);
  launch(stream, dim3(static_cast<unsigned>(operands.runs)), clip_factors_kernel, table.params, operands);
  launch(stream, grid_of(table), clip_gradients_kernel, table, operands);
}

}  // namespace qrun::cuda
