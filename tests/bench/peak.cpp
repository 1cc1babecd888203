#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "peak.cpp"
#include "peak.h"

#include <hwy/foreach_target.h>  // must come first
#include <hwy/highway.h>

#include <algorithm>
#include <chrono>

HWY_BEFORE_NAMESPACE();
namespace qrun::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int kChains = 12;  // independent sums: more than latency times throughput, fewer than registers
constexpr int kSteps = 200000;

float multiply_add(int steps, double* flops) {
  const hn::ScalableTag<float> d;
  hn::Vec<decltype(d)> sums[kChains];
#pragma GCC unroll 16
  for (int i = 0; i < kChains; ++i) sums[i] = hn::Set(d, static_cast<float>(i));
  const auto a = hn::Set(d, 0.999f);
  const auto b = hn::Set(d, 0.001f);
  for (int step = 0; step < steps; ++step) {
#pragma GCC unroll 16
    for (int i = 0; i < kChains; ++i) sums[i] = hn::MulAdd(sums[i], a, b);
  }
  auto total = sums[0];
  for (int i = 1; i < kChains; ++i) total = hn::Add(total, sums[i]);
  *flops = 2.0 * static_cast<double>(steps) * kChains * static_cast<double>(hn::Lanes(d));
  return hn::GetLane(hn::SumOfLanes(d, total));
}

}  // namespace qrun::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace qrun {
HWY_EXPORT(multiply_add);

double peak_gflops() {
  double best = 0;
  for (int trial = 0; trial < 20; ++trial) {
    double flops = 0;
    const auto start = std::chrono::steady_clock::now();
    volatile float result = HWY_DYNAMIC_DISPATCH(multiply_add)(HWY_NAMESPACE::kSteps, &flops);
    static_cast<void>(result);
    best =
        std::max(best, flops / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() * 1e-9);
  }
  return best;
}
}  // namespace qrun
#endif
