// Element-wise loops and statistics. They are written as plain loops over the formulas of quant/ and core/solver.h,
// which the compiler vectorises for each instruction set; sums run in 16 double lanes, added up in one fixed order.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/elements.cpp"
#include <hwy/foreach_target.h>  // must come first
#include <hwy/highway.h>

#include <bit>
#include <cstring>
#include <vector>

#include "cpu/kernel_files.h"
#include "quant/all.h"

HWY_BEFORE_NAMESPACE();
namespace qrun::cpu::HWY_NAMESPACE {
namespace {  // two files share this namespace
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, kLanes>;
using DI = hn::RebindToSigned<D>;
constexpr auto kStep = static_cast<std::int64_t>(hn::MaxLanes(D()));

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

/// Adds `term(x)`, a pair of doubles, over the valid elements.
template <class Term>
HWY_INLINE Sums add_up(const float* x, std::int64_t n, std::int64_t valid, const Term& term) {
  double sum[kLanes] = {};
  double other[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::int64_t l = 0; l < kLanes; ++l) term(static_cast<double>(x[i + l]), sum[l], other[l]);
  }
  for (std::int64_t l = 0; i < n; ++i, ++l) term(static_cast<double>(x[i]), sum[l], other[l]);
  Sums result;
  for (std::int64_t l = 0; l < valid; ++l) {
    result.sum += sum[l];
    result.other += other[l];
  }
  return result;
}

Sums sum_and_abs(const float* x, std::int64_t n, std::int64_t valid) {
  return add_up(x, n, valid, [](double v, double& sum, double& other) HWY_ATTR {
    sum += v;
    other += __builtin_fabs(v);
  });
}

Sums squares(const float* x, std::int64_t n, std::int64_t valid, double mean) {
  return add_up(x, n, valid, [mean](double v, double& sum, double&) HWY_ATTR { sum += (v - mean) * (v - mean); });
}

Sums above(const float* x, std::int64_t n, std::int64_t valid, double delta) {
  return add_up(x, n, valid, [delta](double v, double& sum, double& other) HWY_ATTR {
    const double magnitude = __builtin_fabs(v);
    sum += magnitude > delta ? magnitude : 0.0;
    other += magnitude > delta ? 1.0 : 0.0;
  });
}

template <class Q>
HWY_INLINE void quantize_loop(const QParams& params, const float* HWY_RESTRICT x, float* HWY_RESTRICT y,
                              std::int64_t n) {
  const QParams p = params;
  for (std::int64_t i = 0; i < n; ++i) y[i] = decode(Q::code(x[i], p), p);
}

void quantize(int method, const QParams& params, const float* x, float* y, std::int64_t n) {
  AllQuantizers::visit(method, [&]<class Q>() HWY_ATTR { quantize_loop<Q>(params, x, y, n); });
}

template <class Q>
HWY_INLINE void mask_loop(const QParams& params, const float* x, const float* dy, float* dx, std::int64_t n) {
  const QParams p = params;
  for (std::int64_t i = 0; i < n; ++i) {
    const float gradient = dy[i];
    dx[i] = Q::saturates(x[i], p) ? 0.0f : gradient;
  }
}

void mask_saturated(int method, const QParams& params, const float* x, const float* dy, float* dx, std::int64_t n) {
  AllQuantizers::visit(method, [&]<class Q>() HWY_ATTR { mask_loop<Q>(params, x, dy, dx, n); });
}

/// One window for 16 images.
HWY_INLINE void pool_window(const PoolJob& job, const float* plane, std::int64_t top, std::int64_t left,
                            std::int64_t out) {
  const D d;
  const DI di;
  const std::int64_t y0 = HWY_MAX(top, 0);
  const std::int64_t y1 = HWY_MIN(top + job.k, job.h);
  const std::int64_t x0 = HWY_MAX(left, 0);
  const std::int64_t x1 = HWY_MIN(left + job.k, job.w);
  for (std::int64_t lane = 0; lane < kLanes; lane += kStep) {
    auto best = hn::LoadU(d, plane + (y0 * job.w + x0) * kLanes + lane);
    auto where = hn::Set(di, static_cast<std::int32_t>(y0 * job.w + x0));
    for (std::int64_t iy = y0; iy < y1; ++iy) {
      for (std::int64_t ix = x0; ix < x1; ++ix) {
        const auto v = hn::LoadU(d, plane + (iy * job.w + ix) * kLanes + lane);
        const auto larger = hn::Gt(v, best);
        best = hn::IfThenElse(larger, v, best);
        where =
            hn::IfThenElse(hn::RebindMask(di, larger), hn::Set(di, static_cast<std::int32_t>(iy * job.w + ix)), where);
      }
    }
    hn::StoreU(best, d, job.y + out + lane);
    hn::StoreU(where, di, job.argmax + out + lane);
  }
}

void max_pool(const PoolJob& job) {
  thread_local std::vector<float> quantized;  // one plane: stays in the cache between the two passes
  const float* plane = job.x;
  if (job.method != kNoQuantizer) {
    const std::int64_t n = job.h * job.w * kLanes;
    if (static_cast<std::int64_t>(quantized.size()) < n) quantized.resize(static_cast<std::size_t>(n));
    quantize(job.method, *job.params, job.x, quantized.data(), n);
    plane = quantized.data();
  }
  for (std::int64_t oy = 0; oy < job.out_h; ++oy) {
    for (std::int64_t ox = 0; ox < job.out_w; ++ox) {
      pool_window(job, plane, oy * job.stride - job.pad, ox * job.stride - job.pad, (oy * job.out_w + ox) * kLanes);
    }
  }
}

void max_pool_backward(const PoolBackwardJob& job) {
  const D d;
  const DI di;
  // Windows side by side that cover the plane write each position once; others add to zero.
  const bool covers = job.k == job.stride && job.pad == 0 && job.out_h * job.k == job.h && job.out_w * job.k == job.w;
  if (!covers) std::memset(job.dx, 0, static_cast<std::size_t>(job.h * job.w * kLanes) * sizeof(float));
  for (std::int64_t oy = 0; oy < job.out_h; ++oy) {
    for (std::int64_t ox = 0; ox < job.out_w; ++ox) {
      const std::int64_t out = (oy * job.out_w + ox) * kLanes;
      const float* HWY_RESTRICT dy = job.dy + out;
      const std::int32_t* HWY_RESTRICT where = job.argmax + out;
      const std::int64_t y1 = HWY_MIN(oy * job.stride - job.pad + job.k, job.h);
      const std::int64_t x1 = HWY_MIN(ox * job.stride - job.pad + job.k, job.w);
      for (std::int64_t iy = HWY_MAX(oy * job.stride - job.pad, 0); iy < y1; ++iy) {
        for (std::int64_t ix = HWY_MAX(ox * job.stride - job.pad, 0); ix < x1; ++ix) {
          const auto position = static_cast<std::int32_t>(iy * job.w + ix);
          float* HWY_RESTRICT dx = job.dx + (iy * job.w + ix) * kLanes;
          for (std::int64_t lane = 0; lane < kLanes; lane += kStep) {
            const auto chosen = hn::Eq(hn::LoadU(di, where + lane), hn::Set(di, position));
            const auto gradient = hn::IfThenElseZero(hn::RebindMask(d, chosen), hn::LoadU(d, dy + lane));
            hn::StoreU(covers ? gradient : hn::Add(hn::LoadU(d, dx + lane), gradient), d, dx + lane);
          }
        }
      }
    }
  }
}

void relu(const float* HWY_RESTRICT x, float* HWY_RESTRICT y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = x[i] <= 0.0f ? 0.0f : x[i];  // NaN passes: the loss must see it
}

void relu_backward(const float* HWY_RESTRICT y, const float* HWY_RESTRICT dy, float* HWY_RESTRICT dx, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) dx[i] = y[i] > 0.0f ? dy[i] : 0.0f;
}

template <SolverType kType>
HWY_INLINE void update_loop(const UpdateParams& params, const float* HWY_RESTRICT g, float* HWY_RESTRICT w,
                            float* HWY_RESTRICT a, float* HWY_RESTRICT b, std::int64_t n) {
  const UpdateParams p = params;
  for (std::int64_t i = 0; i < n; ++i) {
    float second = history_of(kType).count > 1 ? b[i] : 0.0f;
    qrun::update<kType>(w[i], g[i], a[i], second, p);
    if (history_of(kType).count > 1) b[i] = second;
  }
}

void update_params_of(SolverType type, const UpdateParams& p, const float* g, float* w, float* a, float* b,
                      std::int64_t n) {
  switch (type) {
    case SolverType::kSgd: return update_loop<SolverType::kSgd>(p, g, w, a, b, n);
    case SolverType::kNesterov: return update_loop<SolverType::kNesterov>(p, g, w, a, b, n);
    case SolverType::kAdam: return update_loop<SolverType::kAdam>(p, g, w, a, b, n);
    case SolverType::kAdagrad: return update_loop<SolverType::kAdagrad>(p, g, w, a, b, n);
    case SolverType::kRmsprop: return update_loop<SolverType::kRmsprop>(p, g, w, a, b, n);
    case SolverType::kAdadelta: return update_loop<SolverType::kAdadelta>(p, g, w, a, b, n);
  }
}

}  // namespace

void fill_elements(Kernels& kernels) {
  kernels.max_abs_bits = &max_abs_bits;
  kernels.sum_and_abs = &sum_and_abs;
  kernels.squares = &squares;
  kernels.above = &above;
  kernels.quantize = &quantize;
  kernels.mask_saturated = &mask_saturated;
  kernels.max_pool = &max_pool;
  kernels.max_pool_backward = &max_pool_backward;
  kernels.relu = &relu;
  kernels.relu_backward = &relu_backward;
  kernels.update = &update_params_of;
}

}  // namespace qrun::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace qrun::cpu {
HWY_EXPORT(fill_elements);
void fill_element_kernels(Kernels& kernels) { HWY_DYNAMIC_DISPATCH(fill_elements)(kernels); }
}  // namespace qrun::cpu
#endif
