// Max pooling of one plane of 16 images.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/kernels/pool2d.cpp"
#include <hwy/foreach_target.h>  // must come first
#include <hwy/highway.h>

#include <cstring>

#include "cpu/kernels/kernel_files.h"

HWY_BEFORE_NAMESPACE();
namespace qrun::cpu::HWY_NAMESPACE {
namespace {  // the kernel files share this namespace
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, kLanes>;
using DI = hn::RebindToSigned<D>;
constexpr auto kStep = static_cast<std::int64_t>(hn::MaxLanes(D()));

/// One window for 16 images; kSize > 0 says that it is whole and how large, so that its loops unroll.
template <std::int64_t kSize>
HWY_INLINE void pool_window(const PoolJob& job, const Span<std::int64_t>& y, const Span<std::int64_t>& x,
                            std::int64_t out) {
  const D d;
  const DI di;
  const float* HWY_RESTRICT plane = job.x;
  const std::int64_t width = job.windows.columns.size;
  const std::int64_t rows = kSize > 0 ? kSize : y.end - y.begin;
  const std::int64_t columns = kSize > 0 ? kSize : x.end - x.begin;
  const std::int64_t first = y.begin * width + x.begin;
  for (std::int64_t lane = 0; lane < kLanes; lane += kStep) {
    auto best = hn::LoadU(d, plane + first * kLanes + lane);
    auto where = hn::Set(di, static_cast<std::int32_t>(first));
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < columns; ++j) {
        const std::int64_t at = first + i * width + j;
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
HWY_INLINE void pool_row(const PoolJob& job, std::int64_t oy) {
  const PoolWindows& windows = job.windows;
  const std::int64_t k = windows.rows.k == windows.columns.k ? windows.rows.k : 0;  // of squares
  const Span<std::int64_t> y = window_of(windows.rows, oy);
  for (std::int64_t ox = 0; ox < windows.out_columns; ++ox) {
    const Span<std::int64_t> x = window_of(windows.columns, ox);
    const std::int64_t out = (oy * windows.out_columns + ox) * kLanes;
    const bool whole = y.end - y.begin == k && x.end - x.begin == k;
    if (whole && k == 2) {
      pool_window<2>(job, y, x, out);
    } else if (whole && k == 3) {
      pool_window<3>(job, y, x, out);
    } else {
      pool_window<0>(job, y, x, out);
    }
  }
}

void max_pool(const PoolJob& job) {
  for (std::int64_t oy = job.outputs.begin; oy < job.outputs.end; ++oy) pool_row(job, oy);
}

/// True where windows lie side by side and cover the plane, so that each position is in one of them.
bool tile_the_plane(const PoolWindows& windows) {
  const auto tiles = [](const PoolSide<std::int64_t>& side, std::int64_t outputs) {
    return side.k == side.stride && side.pad == 0 && outputs * side.k == side.size;
  };
  return tiles(windows.rows, windows.out_rows) && tiles(windows.columns, windows.out_columns);
}

void max_pool_backward(const PoolBackwardJob& job) {
  const D d;
  const DI di;
  const PoolWindows& windows = job.windows;
  const std::int64_t width = windows.columns.size;
  const bool once = tile_the_plane(windows);  // each position is written once; else windows add to zero
  if (!once) std::memset(job.dx, 0, static_cast<std::size_t>(windows.rows.size * width * kLanes) * sizeof(float));
  for (std::int64_t oy = 0; oy < windows.out_rows; ++oy) {
    const Span<std::int64_t> y = window_of(windows.rows, oy);
    for (std::int64_t ox = 0; ox < windows.out_columns; ++ox) {
      const Span<std::int64_t> x = window_of(windows.columns, ox);
      const std::int64_t out = (oy * windows.out_columns + ox) * kLanes;
      const float* HWY_RESTRICT dy = job.dy + out;
      const std::int32_t* HWY_RESTRICT where = job.argmax + out;
      for (std::int64_t iy = y.begin; iy < y.end; ++iy) {
        for (std::int64_t ix = x.begin; ix < x.end; ++ix) {
          const auto position = static_cast<std::int32_t>(iy * width + ix);
          float* HWY_RESTRICT dx = job.dx + (iy * width + ix) * kLanes;
          for (std::int64_t lane = 0; lane < kLanes; lane += kStep) {
            const auto chosen = hn::Eq(hn::LoadU(di, where + lane), hn::Set(di, position));
            const auto gradient = hn::IfThenElseZero(hn::RebindMask(d, chosen), hn::LoadU(d, dy + lane));
            hn::StoreU(once ? gradient : hn::Add(hn::LoadU(d, dx + lane), gradient), d, dx + lane);
          }
        }
      }
    }
  }
}

}  // namespace

void fill_pool2d(Kernels& kernels) {
  kernels.max_pool = &max_pool;
  kernels.max_pool_backward = &max_pool_backward;
}

}  // namespace qrun::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace qrun::cpu {
HWY_EXPORT(fill_pool2d);
void fill_pool2d_kernels(Kernels& kernels) { HWY_DYNAMIC_DISPATCH(fill_pool2d)(kernels); }
}  // namespace qrun::cpu
#endif
