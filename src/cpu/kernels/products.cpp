// Sums of products: convolution and matrix kernels. Register blocks of outputs x columns hold the sums; one broadcast
// weight and one vector of images make each product (Zhang, Franchetti, Low 2018, "High performance zero-memory
// overhead direct convolutions", with the batch as the vector dimension).
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/kernels/products.cpp"
#include <hwy/foreach_target.h>  // must come first
#include <hwy/highway.h>

#include "cpu/kernels/kernel_files.h"

HWY_BEFORE_NAMESPACE();
namespace qrun::cpu::HWY_NAMESPACE {
namespace {  // the kernel files share this namespace
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, kLanes>;
using V = hn::Vec<D>;
constexpr auto kStep = static_cast<std::int64_t>(hn::MaxLanes(D()));
// 32 registers hold 5 x 4 sums beside their operands, 16 registers 5 x 2.
constexpr int kColumns = HWY_TARGET == HWY_AVX3 ? 4 : 2;
constexpr int kFilterTaps = HWY_TARGET == HWY_AVX3 ? 5 : 2;

template <int kOutputs, int kCols>
HWY_INLINE void tile(const TileJob& job, const float* HWY_RESTRICT x, float* HWY_RESTRICT y) {
  const D d;
  const std::int64_t w_out = job.w_out;
  const std::int64_t x_col = job.x_col;
  for (std::int64_t lane = 0; lane < kLanes; lane += kStep) {
    V acc[kOutputs][kCols];
#pragma GCC unroll 8
    for (int o = 0; o < kOutputs; ++o) {
      const V start = job.bias != nullptr ? hn::Set(d, job.bias[o]) : hn::Zero(d);
#pragma GCC unroll 8
      for (int c = 0; c < kCols; ++c) acc[o][c] = start;
    }
    for (std::int64_t a = 0; a < job.taps.n[0]; ++a) {
      for (std::int64_t b = 0; b < job.taps.n[1]; ++b) {
        const float* HWY_RESTRICT px = x + lane + a * job.taps.x[0] + b * job.taps.x[1];
        const float* HWY_RESTRICT pw = job.w + a * job.taps.w[0] + b * job.taps.w[1];
        for (std::int64_t k = 0; k < job.taps.n[2]; ++k, px += job.taps.x[2], pw += job.taps.w[2]) {
          V images[kCols];
#pragma GCC unroll 8
          for (int c = 0; c < kCols; ++c) images[c] = hn::LoadU(d, px + c * x_col);
#pragma GCC unroll 8
          for (int o = 0; o < kOutputs; ++o) {
            const V weight = hn::Set(d, pw[o * w_out]);
#pragma GCC unroll 8
            for (int c = 0; c < kCols; ++c) acc[o][c] = hn::MulAdd(weight, images[c], acc[o][c]);
          }
        }
      }
    }
#pragma GCC unroll 8
    for (int o = 0; o < kOutputs; ++o) {
#pragma GCC unroll 8
      for (int c = 0; c < kCols; ++c) hn::StoreU(acc[o][c], d, y + o * job.y_out + c * job.y_col + lane);
    }
  }
}

template <int kOutputs>
void tile_rows(const TileJob& job) {
  for (std::int64_t row = 0; row < job.rows; ++row) {
    const float* x = job.x + row * job.x_row;
    float* y = job.y + row * job.y_row;
    std::int64_t col = 0;
    for (; col + kColumns <= job.cols; col += kColumns) {
      tile<kOutputs, kColumns>(job, x + col * job.x_col, y + col * job.y_col);
    }
    x += col * job.x_col;
    y += col * job.y_col;
    switch (job.cols - col) {
      case 1: tile<kOutputs, 1>(job, x, y); break;
      case 2: tile<kOutputs, HWY_MIN(2, kColumns)>(job, x, y); break;
      case 3: tile<kOutputs, HWY_MIN(3, kColumns)>(job, x, y); break;
      default: break;
    }
  }
}

void tiles(const TileJob& job) {
  switch (job.outputs) {
    case 1: return tile_rows<1>(job);
    case 2: return tile_rows<2>(job);
    case 3: return tile_rows<3>(job);
    case 4: return tile_rows<4>(job);
    default: return tile_rows<5>(job);
  }
}

template <int kOutputs, int kTaps>
void filter_tile(const FilterJob& job, int tap) {
  const D d;
  V acc[kOutputs][kTaps];
#pragma GCC unroll 8
  for (int o = 0; o < kOutputs; ++o) {
#pragma GCC unroll 8
    for (int k = 0; k < kTaps; ++k) acc[o][k] = hn::Zero(d);
  }
  for (std::int64_t block = 0; block < job.blocks; ++block) {
    for (std::int64_t row = 0; row < job.rows; ++row) {
      const float* HWY_RESTRICT x = job.x + block * job.x_block + row * job.x_row + tap * kLanes;
      const float* HWY_RESTRICT dy = job.dy + block * job.dy_block + row * job.dy_row;
      for (std::int64_t col = 0; col < job.cols; ++col, x += job.x_col, dy += kLanes) {
        for (std::int64_t lane = 0; lane < kLanes; lane += kStep) {
          V gradient[kOutputs];
#pragma GCC unroll 8
          for (int o = 0; o < kOutputs; ++o) gradient[o] = hn::LoadU(d, dy + o * job.dy_out + lane);
#pragma GCC unroll 8
          for (int k = 0; k < kTaps; ++k) {
            const V images = hn::LoadU(d, x + k * kLanes + lane);
#pragma GCC unroll 8
            for (int o = 0; o < kOutputs; ++o) acc[o][k] = hn::MulAdd(gradient[o], images, acc[o][k]);
          }
        }
      }
    }
  }
#pragma GCC unroll 8
  for (int o = 0; o < kOutputs; ++o) {
#pragma GCC unroll 8
    for (int k = 0; k < kTaps; ++k) job.dw[o * job.dw_out + tap + k] = hn::GetLane(hn::SumOfLanes(d, acc[o][k]));
  }
}

template <int kOutputs>
void filter_taps(const FilterJob& job) {
  int tap = 0;
  for (; tap + kFilterTaps <= job.taps; tap += kFilterTaps) filter_tile<kOutputs, kFilterTaps>(job, tap);
  switch (job.taps - tap) {
    case 1: return filter_tile<kOutputs, 1>(job, tap);
    case 2: return filter_tile<kOutputs, HWY_MIN(2, kFilterTaps)>(job, tap);
    case 3: return filter_tile<kOutputs, HWY_MIN(3, kFilterTaps)>(job, tap);
    case 4: return filter_tile<kOutputs, HWY_MIN(4, kFilterTaps)>(job, tap);
    default: return;
  }
}

void filter(const FilterJob& job) {
  switch (job.outputs) {
    case 1: return filter_taps<1>(job);
    case 2: return filter_taps<2>(job);
    case 3: return filter_taps<3>(job);
    case 4: return filter_taps<4>(job);
    default: return filter_taps<5>(job);
  }
}

/// Columns [col, col + kWidth) of dx. Only dy columns that exist are visited; each goes to the taps inside the strip.
template <int kChannels, int kKernel, int kWidth>
HWY_INLINE void row_gradient_strip(const RowGradientJob& job, std::int64_t col) {
  const D d;
  const std::int64_t first = col + job.pad - (kKernel - 1);  // dy column that reaches the strip with its last tap
  for (std::int64_t lane = 0; lane < kLanes; lane += kStep) {
    V acc[kChannels][kWidth];
#pragma GCC unroll 16
    for (int c = 0; c < kChannels; ++c) {
#pragma GCC unroll 16
      for (int i = 0; i < kWidth; ++i) acc[c][i] = hn::Zero(d);
    }
    for (std::int64_t o = 0; o < job.outputs; ++o) {
      for (std::int64_t ky = 0; ky < job.kernel_rows; ++ky) {
        const float* HWY_RESTRICT dy = job.dy + o * job.dy_o - ky * job.dy_row + first * kLanes + lane;
        const float* HWY_RESTRICT w = job.w + o * job.w_o + ky * kKernel;
#pragma GCC unroll 16
        for (int j = 0; j < kWidth + kKernel - 1; ++j) {
          if (first + j < 0 || first + j >= job.out_cols) continue;
          const V gradient = hn::LoadU(d, dy + j * kLanes);
#pragma GCC unroll 16
          for (int kx = 0; kx < kKernel; ++kx) {
            const int i = j + kx - (kKernel - 1);
            if (i < 0 || i >= kWidth) continue;
#pragma GCC unroll 16
            for (int c = 0; c < kChannels; ++c) {
              acc[c][i] = hn::MulAdd(hn::Set(d, w[c * job.w_c + kx]), gradient, acc[c][i]);
            }
          }
        }
      }
    }
#pragma GCC unroll 16
    for (int c = 0; c < kChannels; ++c) {
#pragma GCC unroll 16
      for (int i = 0; i < kWidth; ++i) {
        if (col + i < job.in_cols) hn::StoreU(acc[c][i], d, job.dx + c * job.dx_out + (col + i) * kLanes + lane);
      }
    }
  }
}

template <int kKernel>
void row_gradient_k(const RowGradientJob& job) {
  constexpr int kWidth = HWY_TARGET == HWY_AVX3 ? 12 : 6;
  for (std::int64_t col = 0; col < job.in_cols; col += kWidth) {
    if (job.channels == 2) {
      row_gradient_strip<2, kKernel, kWidth>(job, col);
    } else {
      row_gradient_strip<1, kKernel, kWidth>(job, col);
    }
  }
}

void row_gradient(const RowGradientJob& job) {
  static_assert(kRowGradientSizes == std::array<std::int64_t, 2>{3, 5});
  if (job.k == 3) return row_gradient_k<3>(job);
  row_gradient_k<5>(job);
}

}  // namespace

void fill_products(Kernels& kernels) {
  kernels.tiles = &tiles;
  kernels.filter = &filter;
  kernels.row_gradient = &row_gradient;
}

}  // namespace qrun::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace qrun::cpu {
HWY_EXPORT(fill_products);
void fill_products_kernels(Kernels& kernels) { HWY_DYNAMIC_DISPATCH(fill_products)(kernels); }
}  // namespace qrun::cpu
#endif
