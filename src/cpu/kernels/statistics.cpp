// Statistics of a tensor: sums run in 16 double lanes, added up in one fixed order.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/kernels/statistics.cpp"
#include <hwy/foreach_target.h>  // must come first
#include <hwy/highway.h>

#include <algorithm>
#include <bit>

#include "cpu/kernels/kernel_files.h"

HWY_BEFORE_NAMESPACE();
namespace qrun::cpu::HWY_NAMESPACE {
namespace {  // the kernel files share this namespace
namespace hn = hwy::HWY_NAMESPACE;

using DD = hn::CappedTag<double, kLanes>;
using VD = hn::Vec<DD>;
constexpr auto kDoubleStep = static_cast<std::int64_t>(hn::MaxLanes(DD()));

std::uint32_t max_abs_bits(const float* x, std::int64_t n, std::int64_t valid) {
  std::uint32_t best[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::int64_t l = 0; l < kLanes; ++l) {
      const std::uint32_t bits = std::bit_cast<std::uint32_t>(x[i + l]) & 0x7fffffffU;
      best[l] = best[l] > bits ? best[l] : bits;
    }
  }
  for (std::int64_t l = 0; i < n; ++i, ++l) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(x[i]) & 0x7fffffffU;
    best[l] = best[l] > bits ? best[l] : bits;
  }
  std::uint32_t result = 0;
  for (std::int64_t l = 0; l < valid; ++l) result = result > best[l] ? result : best[l];
  return result;
}

/// 16 lanes of doubles, two sums in each.
struct Accumulators {
  VD sum[kLanes / kDoubleStep];
  VD other[kLanes / kDoubleStep];
};

/// Adds `term(x, sum, other)` of 16 floats.
template <class Term>
HWY_INLINE void add_lanes(const float* x, Accumulators& acc, const Term& term) {
  const DD dd;
  const hn::Rebind<float, DD> df;
#pragma GCC unroll 16
  for (std::int64_t v = 0; v < kLanes / kDoubleStep; ++v)
    term(hn::PromoteTo(dd, hn::LoadU(df, x + v * kDoubleStep)), acc.sum[v], acc.other[v]);
}

HWY_INLINE void store_lanes(const Accumulators& acc, double (&sum)[kLanes], double (&other)[kLanes]) {
#pragma GCC unroll 16
  for (std::int64_t v = 0; v < kLanes / kDoubleStep; ++v) {
    hn::StoreU(acc.sum[v], DD(), sum + v * kDoubleStep);
    hn::StoreU(acc.other[v], DD(), other + v * kDoubleStep);
  }
}

/// Adds `term(x, sum, other)` over the valid elements.
template <class Term>
HWY_INLINE Sums add_up(const float* x, std::int64_t n, std::int64_t valid, const Term& term) {
  Accumulators acc;
#pragma GCC unroll 16
  for (std::int64_t v = 0; v < kLanes / kDoubleStep; ++v) acc.sum[v] = acc.other[v] = hn::Zero(DD());
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) add_lanes(x + i, acc, term);
  double sum[kLanes];
  double other[kLanes];
  store_lanes(acc, sum, other);
  if (i < n) {
    float rest[kLanes] = {};
    double sum_with[kLanes];
    double other_with[kLanes];
    std::copy(x + i, x + n, rest);
    add_lanes(rest, acc, term);
    store_lanes(acc, sum_with, other_with);
    std::copy(sum_with, sum_with + (n - i), sum);
    std::copy(other_with, other_with + (n - i), other);
  }
  Sums result;
  for (std::int64_t l = 0; l < valid; ++l) {
    result.sum += sum[l];
    result.other += other[l];
  }
  return result;
}

Sums moments(const float* x, std::int64_t n, std::int64_t valid, double shift) {
  const VD from = hn::Set(DD(), shift);
  return add_up(x, n, valid, [from](VD v, VD& sum, VD& other) HWY_ATTR {
    const VD moved = hn::Sub(v, from);
    sum = hn::Add(sum, moved);
    other = hn::Add(other, hn::Mul(moved, moved));
  });
}

Sums above(const float* x, std::int64_t n, std::int64_t valid, double delta) {
  const VD bound = hn::Set(DD(), delta);
  const VD one = hn::Set(DD(), 1.0);
  return add_up(x, n, valid, [bound, one](VD v, VD& sum, VD& other) HWY_ATTR {
    const VD magnitude = hn::Abs(v);
    const auto is_above = hn::Gt(magnitude, bound);
    sum = hn::Add(sum, hn::IfThenElseZero(is_above, magnitude));
    other = hn::Add(other, hn::IfThenElseZero(is_above, one));
  });
}

}  // namespace

void fill_statistics(Kernels& kernels) {
  kernels.max_abs_bits = &max_abs_bits;
  kernels.moments = &moments;
  kernels.above = &above;
}

}  // namespace qrun::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace qrun::cpu {
HWY_EXPORT(fill_statistics);
void fill_statistics_kernels(Kernels& kernels) { HWY_DYNAMIC_DISPATCH(fill_statistics)(kernels); }
}  // namespace qrun::cpu
#endif
