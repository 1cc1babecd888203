// Element-wise loops. Those over the formulas of quant/ and math/solver.h are plain, and the compiler vectorises them
// for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/kernels/elements.cpp"
#include <hwy/foreach_target.h>  // must come first
#include <hwy/highway.h>

#include <cstring>
#include <vector>

#include "cpu/kernels/kernel_files.h"
#include "quant/all.h"

HWY_BEFORE_NAMESPACE();
namespace qrun::cpu::HWY_NAMESPACE {
namespace {  // the kernel files share this namespace
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, kLanes>;
using DI = hn::RebindToSigned<D>;
constexpr auto kStep = static_cast<std::int64_t>(hn::MaxLanes(D()));

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

/// The part of a window inside the image.
struct Window {
  std::int64_t y0, y1, x0, x1;
};

/// One window for 16 images; kSize > 0 says that it is whole and how large, so that its loops unroll.
template <std::int64_t kSize>
HWY_INLINE void pool_window(const PoolJob& job, const float* HWY_RESTRICT plane, const Window& window,
                            std::int64_t out) {
  const D d;
  const DI di;
  const std::int64_t rows = kSize > 0 ? kSize : window.y1 - window.y0;
  const std::int64_t columns = kSize > 0 ? kSize : window.x1 - window.x0;
  const std::int64_t first = window.y0 * job.w + window.x0;
  for (std::int64_t lane = 0; lane < kLanes; lane += kStep) {
    auto best = hn::LoadU(d, plane + first * kLanes + lane);
    auto where = hn::Set(di, static_cast<std::int32_t>(first));
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < columns; ++j) {
        const std::int64_t at = first + i * job.w + j;
        const auto v = hn::LoadU(d, plane + at * kLanes + lane);
        const auto larger = hn::Gt(v, best);
        best = hn::IfThenElse(larger, v, best);
        where = hn::IfThenElse(hn::RebindMask(di, larger), hn::Set(di, static_cast<std::int32_t>(at)), where);
      }
    }
    hn::StoreU(best, d, job.y + out + lane);
    hn::StoreU(where, di, job.argmax + out + lane);
  }
}

/// One row of outputs.
HWY_INLINE void pool_row(const PoolJob& job, const float* plane, std::int64_t oy) {
  const std::int64_t top = oy * job.stride - job.pad;
  for (std::int64_t ox = 0; ox < job.out_w; ++ox) {
    const std::int64_t left = ox * job.stride - job.pad;
    const std::int64_t out = (oy * job.out_w + ox) * kLanes;
    const Window window{HWY_MAX(top, 0), HWY_MIN(top + job.k, job.h), HWY_MAX(left, 0), HWY_MIN(left + job.k, job.w)};
    const bool whole = window.y1 - window.y0 == job.k && window.x1 - window.x0 == job.k;
    if (whole && job.k == 2) {
      pool_window<2>(job, plane, window, out);
    } else if (whole && job.k == 3) {
      pool_window<3>(job, plane, window, out);
    } else {
      pool_window<0>(job, plane, window, out);
    }
  }
}

void max_pool(const PoolJob& job) {
  thread_local std::vector<float> quantized;  // one plane; a row is read back while it is in the cache
  const std::int64_t row = job.w * kLanes;
  const float* plane = job.x;
  std::int64_t done = job.h;  // rows quantized so far
  if (job.method != kNoQuantizer) {
    if (static_cast<std::int64_t>(quantized.size()) < job.h * row)
      quantized.resize(static_cast<std::size_t>(job.h * row));
    plane = quantized.data();
    done = 0;
  }
  for (std::int64_t oy = 0; oy < job.out_h; ++oy) {
    const std::int64_t wanted = HWY_MIN(oy * job.stride - job.pad + job.k, job.h);
    if (wanted > done) {
      quantize(job.method, *job.params, job.x + done * row, quantized.data() + done * row, (wanted - done) * row);
      done = wanted;
    }
    pool_row(job, plane, oy);
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
