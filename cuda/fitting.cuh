// Fitting a slot's quantizer to a layer's output: by passes over it, or by the product that writes it.
#pragma once

#include "cuda/kernels.h"
#include "cuda/statistics.cuh"

namespace qrun::cuda {

/// Takes what a pass over all n values of a run has found; the last pass gives the parameters. One thread calls it.
__device__ inline void finish_pass(const Fitting& f, std::int64_t run, const Sums& total, std::int64_t n, Pass pass,
                                   double shift) {
  ActivationState& state = f.states[run];
  const bool finite = take_total(state.stats, total, n, state.needs, pass, shift);
  if (!finite) {
    diverge(f.control[run], f.place);
  } else if (is_final(state.needs, pass)) {
    QStats stats = state.stats;
    stats.max_abs = range_of(state.settings, stats.max_abs, state.range, f.training);
    state.params = fit(stats, state.settings);
  }
}

/// Fits where a maximum is all that is needed: each of a run's `blocks` brings the largest of its values, as the bits
/// of |v|, and the last one finishes. Maxima are the same in any order.
__device__ inline void fit_to_maxima(const Fitting& f, std::int64_t run, unsigned mine, unsigned blocks) {
  const ActivationState& state = f.states[run];
  if (state.settings.method == kNoQuantizer || state.needs != Stat::kMaxAbs) return;
  const unsigned largest = block_reduce(mine, [](unsigned a, unsigned b) { return a > b ? a : b; });
  if (threadIdx.x == 0) atomicMax(f.workspace.maxima + run, largest);
  if (!is_last_block(f.workspace.counters + run, blocks) || threadIdx.x != 0) return;
  const unsigned found = __ldcg(f.workspace.maxima + run);
  f.workspace.maxima[run] = 0;
  finish_pass(f, run, {static_cast<double>(found), 0.0}, 1, Pass::kFirst, 0.0);
}

}  // namespace qrun::cuda
