// Solver steps of the parameters of all runs at once. A block works on a piece of one blob of one run.
#include "cuda/kernels.h"
#include "cuda/statistics.cuh"

namespace qrun::cuda {
namespace {

/// One step of n parameters.
template <SolverType kType>
__device__ void step(const ParamState& state, const Piece& piece, const UpdateParams& update_by) {
  constexpr bool kTwo = history_of(kType).count > 1;
  // No two of these overlap: loads of the next elements need not wait for the stores of these.
  float* __restrict__ const master = state.master + piece.begin;
  float* __restrict__ const value = state.value + piece.begin;
  const float* __restrict__ const gradient = state.gradient + piece.begin;
  float* __restrict__ const first = state.history[0] + piece.begin;
  float* __restrict__ const other = kTwo ? state.history[1] + piece.begin : nullptr;
#pragma unroll 4
  for (int i = static_cast<int>(threadIdx.x); i < piece.n; i += static_cast<int>(kThreads)) {
    float w = master[i];
    float second = kTwo ? other[i] : 0.0F;
    update<kType>(w, gradient[i], first[i], second, update_by);
    if (kTwo) other[i] = second;
    master[i] = w;
    if (state.quant.method == kNoQuantizer) value[i] = w;
  }
}

__global__ void update_params_kernel(ParamTable table, const Rate* rates, int runs) {
  const Piece piece = table.pieces[blockIdx.x];
  const RunControl& control = table.control[piece.run];
  if (has_diverged(control)) return;
  const ParamState& state = table.state_of(piece);
  UpdateParams by = state.update;
  by.rate = blob_rate(rates[static_cast<std::int64_t>(control.step) * runs + piece.run], state.lr_mult);
  switch (state.solver) {
    case SolverType::kSgd: return step<SolverType::kSgd>(state, piece, by);
    case SolverType::kNesterov: return step<SolverType::kNesterov>(state, piece, by);
    case SolverType::kAdam: return step<SolverType::kAdam>(state, piece, by);
    case SolverType::kAdagrad: return step<SolverType::kAdagrad>(state, piece, by);
    case SolverType::kRmsprop: return step<SolverType::kRmsprop>(state, piece, by);
    case SolverType::kAdadelta: return step<SolverType::kAdadelta>(state, piece, by);
  }
}

}  // namespace

void update_params(cudaStream_t stream, const ParamTable& table, const Rate* rates, int runs) {
  launch(stream, dim3(static_cast<unsigned>(table.count)), update_params_kernel, table, rates, runs);
}

}  // namespace qrun::cuda
