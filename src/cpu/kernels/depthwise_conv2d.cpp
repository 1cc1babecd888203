// Depthwise convolution of one plane of 16 images. Each plane has a filter of its own, so that a vector of images serves
// few products, and what counts is to read and write each plane once: windows that reach over the border leave their
// taps there out, where a padded copy would be as much work as all the rest.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/kernels/depthwise_conv2d.cpp"
#include <hwy/foreach_target.h>  // must come first
#include <hwy/highway.h>

#include "cpu/kernels/kernel_files.h"

HWY_BEFORE_NAMESPACE();
namespace qrun::cpu::HWY_NAMESPACE {
namespace {  // the kernel files share this namespace
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, kLanes>;
using V = hn::Vec<D>;
using Range = Span<std::int64_t>;
constexpr auto kStep = static_cast<std::int64_t>(hn::MaxLanes(D()));

constexpr bool holds(const Range& range, std::int64_t i) { return range.begin <= i && i < range.end; }

/// Outputs [col, col + kCols) of a row, by the taps of rows x columns, which meet the image in all of them. kTaps: how
/// many columns that is, where it is known; else 0.
template <int kCols, int kTaps>
HWY_INLINE void depthwise_strip(const DepthwiseJob& job, const Range& rows, const Range& columns, std::int64_t row,
                                std::int64_t col) {
  const D d;
  const std::int64_t taps = kTaps > 0 ? kTaps : columns.end - columns.begin;
  const bool any = rows.begin < rows.end && taps > 0;
  const std::int64_t x_row = job.rows.dilation * job.columns.size * kLanes;
  const std::int64_t x_tap = job.columns.dilation * kLanes;
  const std::int64_t x_col = job.columns.stride * kLanes;
  const float* x = any ? job.x + (position_of(job.rows, row, rows.begin) * job.columns.size +
                                  position_of(job.columns, col, columns.begin)) *
                                     kLanes
                       : job.x;
  const float* w = any ? job.w + rows.begin * job.w_row + columns.begin * job.w_col : job.w;
  float* HWY_RESTRICT y = job.y + row * job.y_row + col * job.y_col;
  for (std::int64_t lane = 0; lane < kLanes; lane += kStep) {
    V sums[kCols];
#pragma GCC unroll 8
    for (int c = 0; c < kCols; ++c) sums[c] = hn::Set(d, job.bias);
    for (std::int64_t plane = 0; plane < job.planes; ++plane) {
      for (std::int64_t ky = 0; ky < rows.end - rows.begin; ++ky) {
        const float* HWY_RESTRICT px = x + plane * job.x_plane + ky * x_row + lane;
        const float* HWY_RESTRICT pw = w + plane * job.w_plane + ky * job.w_row;
#pragma GCC unroll 4
        for (std::int64_t kx = 0; kx < taps; ++kx) {
          const V weight = hn::Set(d, pw[kx * job.w_col]);
#pragma GCC unroll 8
          for (int c = 0; c < kCols; ++c)
            sums[c] = hn::MulAdd(weight, hn::LoadU(d, px + kx * x_tap + c * x_col), sums[c]);
        }
      }
    }
#pragma GCC unroll 8
    for (int c = 0; c < kCols; ++c) hn::StoreU(sums[c], d, y + c * job.y_col + lane);
  }
}

template <int kTaps>
HWY_INLINE void depthwise_row(const DepthwiseJob& job, const Range& rows, const Range& whole, std::int64_t row) {
  constexpr int kColumns = 8;
  const Range all = {0, job.columns.k};
  std::int64_t col = 0;
  for (; col < whole.begin; ++col) depthwise_strip<1, 0>(job, rows, taps_inside(job.columns, col), row, col);
  for (; col + kColumns <= whole.end; col += kColumns) depthwise_strip<kColumns, kTaps>(job, rows, all, row, col);
  for (; col + 2 <= whole.end; col += 2) depthwise_strip<2, kTaps>(job, rows, all, row, col);
  for (; col < job.out_columns; ++col) depthwise_strip<1, 0>(job, rows, taps_inside(job.columns, col), row, col);
}

void depthwise(const DepthwiseJob& job) {
  const Range whole = whole_windows(job.columns, job.out_columns);
  for (std::int64_t row = 0; row < job.out_rows; ++row) {
    const Range rows = taps_inside(job.rows, row);
    switch (job.columns.k) {
      case 3: depthwise_row<3>(job, rows, whole, row); break;
      case 5: depthwise_row<5>(job, rows, whole, row); break;
      default: depthwise_row<0>(job, rows, whole, row); break;
    }
  }
}

constexpr int kFilterSide = 3;  // rows and columns of taps that are summed together

/// Sums of kFilterSide x kFilterSide taps, a vector of 16 images each.
using TapSums = float[kFilterSide][kFilterSide][kLanes];

/// Adds windows [columns.begin, columns.end) of a row to kRows x kTaps taps, the first of which is (ky, kx).
template <int kRows, int kTaps>
HWY_INLINE void add_windows(const DepthwiseFilterJob& job, std::int64_t block, std::int64_t row, const Range& columns,
                            std::int64_t ky, std::int64_t kx, TapSums& sums, int r0, int t0) {
  const D d;
  if (columns.begin >= columns.end) return;
  const std::int64_t width = job.columns.size;
  const std::int64_t x_row = job.rows.dilation * width * kLanes;
  const std::int64_t x_tap = job.columns.dilation * kLanes;
  const std::int64_t x_col = job.columns.stride * kLanes;
  const float* x = job.x + block * job.x_block +
                   (position_of(job.rows, row, ky) * width + position_of(job.columns, columns.begin, kx)) * kLanes;
  const float* dy = job.dy + block * job.dy_block + (row * job.out_columns + columns.begin) * kLanes;
  for (std::int64_t lane = 0; lane < kLanes; lane += kStep) {
    V acc[kRows][kTaps];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int t = 0; t < kTaps; ++t) acc[r][t] = hn::LoadU(d, sums[r0 + r][t0 + t] + lane);
    }
    const float* HWY_RESTRICT px = x + lane;
    const float* HWY_RESTRICT pdy = dy + lane;
    for (std::int64_t n = columns.end - columns.begin; n > 0; --n, px += x_col, pdy += kLanes) {
      const V gradient = hn::LoadU(d, pdy);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
        for (int t = 0; t < kTaps; ++t)
          acc[r][t] = hn::MulAdd(gradient, hn::LoadU(d, px + r * x_row + t * x_tap), acc[r][t]);
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int t = 0; t < kTaps; ++t) hn::StoreU(acc[r][t], d, sums[r0 + r][t0 + t] + lane);
    }
  }
}

/// The windows of a row, of those that meet the image in each of kTaps columns first, then those that do in some.
template <int kRows, int kTaps>
HWY_INLINE void add_row(const DepthwiseFilterJob& job, std::int64_t block, std::int64_t row, std::int64_t ky,
                        std::int64_t kx, TapSums& sums, int r0) {
  const Range all = {windows_with(job.columns, kx, job.out_columns).begin,
                     windows_with(job.columns, kx + kTaps - 1, job.out_columns).end};
  add_windows<kRows, kTaps>(job, block, row, all, ky, kx, sums, r0, 0);
  if (kTaps == 1) return;
  for (int t = 0; t < kTaps; ++t) {
    const Range own = windows_with(job.columns, kx + t, job.out_columns);
    const std::int64_t left = all.begin < all.end ? HWY_MIN(all.begin, own.end) : own.end;
    const std::int64_t right = all.begin < all.end ? HWY_MAX(all.end, own.begin) : own.end;
    add_windows<kRows, 1>(job, block, row, {own.begin, left}, ky, kx + t, sums, r0, t);
    add_windows<kRows, 1>(job, block, row, {right, own.end}, ky, kx + t, sums, r0, t);
  }
}

/// The gradients of kRows x kTaps weights, the first of which is (ky, kx).
template <int kRows, int kTaps>
void filter_of_taps(const DepthwiseFilterJob& job, std::int64_t ky, std::int64_t kx) {
  const D d;
  alignas(64) TapSums sums = {};
  const Range all = {windows_with(job.rows, ky, job.out_rows).begin,
                     windows_with(job.rows, ky + kRows - 1, job.out_rows).end};
  for (std::int64_t block = 0; block < job.blocks; ++block) {
    for (std::int64_t row = 0; row < job.out_rows; ++row) {
      if (holds(all, row)) {
        add_row<kRows, kTaps>(job, block, row, ky, kx, sums, 0);
        continue;
      }
      for (int r = 0; r < kRows; ++r) {
        if (holds(windows_with(job.rows, ky + r, job.out_rows), row))
          add_row<1, kTaps>(job, block, row, ky + r, kx, sums, r);
      }
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int t = 0; t < kTaps; ++t) {
      V sum = hn::Zero(d);
      for (std::int64_t lane = 0; lane < kLanes; lane += kStep) sum = hn::Add(sum, hn::LoadU(d, sums[r][t] + lane));
      job.dw[(ky + r) * job.columns.k + kx + t] = hn::GetLane(hn::SumOfLanes(d, sum));
    }
  }
}

template <int kRows>
void filter_of_rows(const DepthwiseFilterJob& job, std::int64_t ky) {
  for (std::int64_t kx = 0; kx < job.columns.k; kx += kFilterSide) {
    switch (job.columns.k - kx) {
      case 1: filter_of_taps<kRows, 1>(job, ky, kx); break;
      case 2: filter_of_taps<kRows, 2>(job, ky, kx); break;
      default: filter_of_taps<kRows, 3>(job, ky, kx); break;
    }
  }
}

void depthwise_filter(const DepthwiseFilterJob& job) {
  static_assert(kFilterSide == 3);
  for (std::int64_t ky = 0; ky < job.rows.k; ky += kFilterSide) {
    switch (job.rows.k - ky) {
      case 1: filter_of_rows<1>(job, ky); break;
      case 2: filter_of_rows<2>(job, ky); break;
      default: filter_of_rows<3>(job, ky); break;
    }
  }
}

}  // namespace

void fill_depthwise_conv2d(Kernels& kernels) {
  kernels.depthwise = &depthwise;
  kernels.depthwise_filter = &depthwise_filter;
}

}  // namespace qrun::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace qrun::cpu {
HWY_EXPORT(fill_depthwise_conv2d);
void fill_depthwise_conv2d_kernels(Kernels& kernels) { HWY_DYNAMIC_DISPATCH(fill_depthwise_conv2d)(kernels); }
}  // namespace qrun::cpu
#endif
