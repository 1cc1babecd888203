// Parameters of all runs at once: solver steps and quantizers. A block works on a piece of one blob of one run.
#include "cuda/kernels.h"
#include "cuda/statistics.cuh"

namespace qrun::cuda {
namespace {

__device__ inline ParamState& state_of(const ParamTable& table, const Piece& piece) {
  return table.states[static_cast<std::int64_t>(piece.run) * table.params + piece.param];
}

__device__ inline bool to_quantize(const ParamState& state) {
  return state.quant.method != kNoQuantizer && state.given == 0;
}

template <Pass kPass>
__global__ void measure_params_kernel(ParamTable table, Workspace workspace) {
  const Piece piece = table.pieces[blockIdx.x];
  const ParamState& state = state_of(table, piece);
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
    if (state.quant.range == Range::kFixed) fitted.max_abs = state.quant.range_value;
    state.params[slice.index] = fit(fitted, state.quant);
  }
}

__global__ void quantize_params_kernel(ParamTable table) {
  const Piece piece = table.pieces[blockIdx.x];
  const ParamState& state = state_of(table, piece);
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

/// One step of n parameters.
template <SolverType kType>
__device__ void step(const ParamState& state, const Piece& piece, const UpdateParams& update_by,
                     const QParams* clipped) {
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
    float g = gradient[i];
    if (clipped != nullptr) {
      AllQuantizers::visit(state.quant.method, [&]<class Q>() {
        if (Q::saturates(w, *clipped)) g = 0.0F;
      });
    }
    float second = kTwo ? other[i] : 0.0F;
    update<kType>(w, g, first[i], second, update_by);
    if (kTwo) other[i] = second;
    master[i] = w;
    if (state.quant.method == kNoQuantizer) value[i] = w;
  }
}

__global__ void update_params_kernel(ParamTable table, const Rate* rates, int runs) {
  const Piece piece = table.pieces[blockIdx.x];
  const RunControl& control = table.control[piece.run];
  if (has_diverged(control)) return;
  const ParamState& state = state_of(table, piece);
  UpdateParams by = state.update;
  by.rate = blob_rate(rates[static_cast<std::int64_t>(control.step) * runs + piece.run], state.lr_mult);
  const bool masks = state.quant.method != kNoQuantizer && state.quant.gradient == Gradient::kSteClipped;
  const QParams* clipped = masks ? state.params + table.slices[piece.slice].index : nullptr;
  switch (state.solver) {
    case SolverType::kSgd: return step<SolverType::kSgd>(state, piece, by, clipped);
    case SolverType::kNesterov: return step<SolverType::kNesterov>(state, piece, by, clipped);
    case SolverType::kAdam: return step<SolverType::kAdam>(state, piece, by, clipped);
    case SolverType::kAdagrad: return step<SolverType::kAdagrad>(state, piece, by, clipped);
    case SolverType::kRmsprop: return step<SolverType::kRmsprop>(state, piece, by, clipped);
    case SolverType::kAdadelta: return step<SolverType::kAdadelta>(state, piece, by, clipped);
  }
}

}  // namespace

void quantize_params(cudaStream_t stream, const ParamTable& table, int passes, Workspace workspace) {
  if (passes == 0) return;
  const dim3 grid(static_cast<unsigned>(table.count));
  launch(stream, grid, measure_params_kernel<Pass::kFirst>, table, workspace);
  if (passes > 1) launch(stream, grid, measure_params_kernel<Pass::kSecond>, table, workspace);
  launch(stream, grid, quantize_params_kernel, table);
}

void update_params(cudaStream_t stream, const ParamTable& table, const Rate* rates, int runs) {
  launch(stream, dim3(static_cast<unsigned>(table.count)), update_params_kernel, table, rates, runs);
}

}  // namespace qrun::cuda
