// Statistics of a tensor in double: pieces summed by blocks, their sums added in order by the last block.
// Moments take one pass over v - shift, where the shift is the first value, so that a large mean does not swallow the
// deviation (Chan, Golub and LeVeque, The American Statistician 1983); ternary thresholds take two passes.
#pragma once

#include "cuda/launch.cuh"
#include "cuda/state.h"
#include "quant/all.h"

namespace qrun::cuda {

enum class Pass : std::uint8_t { kFirst, kSecond };

__device__ inline bool is_finite(double v) { return v - v == 0.0; }

/// Sums, or the larger of two maxima.
struct CombineSums {
  Stat needs;
  __device__ Sums operator()(const Sums& a, const Sums& b) const {
    if (needs == Stat::kMaxAbs) return {a.sum > b.sum ? a.sum : b.sum, 0.0};
    return {a.sum + b.sum, a.other + b.other};
  }
};

/// Adds one value. A maximum is kept as the bits of |v|, which order like the floats and put NaN on top.
template <Stat kNeeds>
__device__ inline void add_value(Sums& sums, float v, Pass pass, const QStats& stats, double shift) {
  if constexpr (kNeeds == Stat::kMaxAbs) {
    const auto bits = static_cast<double>(__float_as_uint(v) & 0x7fffffffU);
    sums.sum = sums.sum > bits ? sums.sum : bits;
  } else if constexpr (kNeeds == Stat::kMoments) {
    const double moved = static_cast<double>(v) - shift;
    sums.sum += moved;
    sums.other += moved * moved;
  } else {
    const double magnitude = fabs(static_cast<double>(v));
    if (pass == Pass::kFirst || magnitude > stats.delta) {
      sums.sum += magnitude;
      sums.other += 1.0;
    }
  }
}

template <Stat kNeeds>
__device__ Sums thread_sums(const float* __restrict__ x, std::int64_t n, Pass pass, const QStats& stats, double shift) {
  Sums mine{0.0, 0.0};
#pragma unroll 8
  for (int i = static_cast<int>(threadIdx.x); i < n; i += static_cast<int>(kThreads))
    add_value<kNeeds>(mine, x[i], pass, stats, shift);
  return mine;
}

/// Returns the sums of n values, which one block makes; every thread gets them.
__device__ inline Sums piece_sums(const float* x, std::int64_t n, Stat needs, Pass pass, const QStats& stats,
                                  double shift) {
  Sums mine{0.0, 0.0};
  switch (needs) {
    case Stat::kMaxAbs: mine = thread_sums<Stat::kMaxAbs>(x, n, pass, stats, shift); break;
    case Stat::kMoments: mine = thread_sums<Stat::kMoments>(x, n, pass, stats, shift); break;
    case Stat::kTernary: mine = thread_sums<Stat::kTernary>(x, n, pass, stats, shift); break;
  }
  return block_reduce(mine, CombineSums{needs});
}

/// Returns the sums of what the blocks of a tensor left; every thread gets them.
__device__ inline Sums total_of(const Sums* partials, unsigned count, Stat needs) {
  Sums mine{0.0, 0.0};
  const CombineSums combine{needs};
  // Past the first cache, which may hold what was there before.
  for (unsigned i = threadIdx.x; i < count; i += kThreads)
    mine = combine(mine, {__ldcg(&partials[i].sum), __ldcg(&partials[i].other)});
  return block_reduce(mine, combine);
}

/// Notes what a pass over n values found. False where it is not finite.
__device__ inline bool take_total(QStats& stats, const Sums& total, std::int64_t n, Stat needs, Pass pass,
                                  double shift) {
  const auto count = static_cast<double>(n);
  if (needs == Stat::kMaxAbs) {
    stats.max_abs = static_cast<double>(__uint_as_float(static_cast<unsigned>(total.sum)));
    return is_finite(stats.max_abs);
  }
  if (needs == Stat::kMoments) {
    const double moved = total.sum / count;
    const double variance = total.other / count - moved * moved;
    stats.mean = shift + moved;
    stats.deviation = variance > 0.0 ? sqrt(variance) : 0.0;
  } else {
    if (pass == Pass::kFirst) stats.delta = kTernaryDelta * total.sum / count;
    if (pass == Pass::kSecond) stats.mean_above = total.other > 0.0 ? total.sum / total.other : 0.0;
  }
  return is_finite(total.sum);
}

/// True where no second pass follows.
__device__ inline bool is_final(Stat needs, Pass pass) { return pass == Pass::kSecond || !takes_two_passes(needs); }

__device__ inline bool has_diverged(const RunControl& control) { return control.diverged != kNowhere; }

/// Notes where a run's numbers stopped being finite: the first place of the first iteration, whoever comes first.
__device__ inline void diverge(RunControl& control, std::int32_t place) {
  const auto when = static_cast<unsigned long long>(control.iteration);
  atomicMin(&control.diverged, when << 32 | static_cast<unsigned>(place));
}

}  // namespace qrun::cuda
