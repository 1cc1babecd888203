// The inner loops of the CPU engine, once for each instruction set. Images lie 16 innermost, [c][h][w][16]: every
// convolution and matrix product is a broadcast weight times a vector of images, without im2col or padding waste.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/sizes.h"
#include "math/batch_norm.h"
#include "math/channel_scale.h"
#include "math/conv.h"
#include "math/lrn.h"
#include "math/pool.h"
#include "math/solver.h"
#include "quant/quantizer.h"

namespace qrun::cpu {

inline constexpr std::int64_t kLanes = 16;  // images a block, for every instruction set
inline constexpr int kTile = 5;             // outputs (filters) computed together

/// Tiles that hold so many outputs.
[[nodiscard]] constexpr std::int64_t tiles_of(std::int64_t outputs) { return ceil_div(outputs, kTile); }

/// Three nested loops over the products of one sum; strides in floats, may be negative.
struct Taps {
  std::int64_t n[3];
  std::int64_t x[3];
  std::int64_t w[3];
};

/// For o < outputs, row < rows, col < cols, lane < 16:
///   y[o y_out + row y_row + col y_col + lane] =
///     bias[o] + sum over taps t of w[o w_out + t.w] * x[row x_row + col x_col + t.x + lane]
struct TileJob {
  const float* x;
  const float* w;
  const float* bias;  // or nullptr
  float* y;
  int outputs;  // 1 .. kTile
  std::int64_t rows, cols;
  std::int64_t x_row, x_col;
  std::int64_t y_row, y_col, y_out;
  std::int64_t w_out;
  Taps taps;
};

/// For o < outputs, k < taps: dw[o dw_out + k] = sum over blocks, rows, cols, lanes of
///   dy[block dy_block + o dy_out + row dy_row + col 16 + lane] *
///   x[block x_block + row x_row + col x_col + k 16 + lane]
struct FilterJob {
  const float* x;
  const float* dy;
  float* dw;
  int outputs;  // 1 .. kTile
  int taps;     // 1 .. kTile
  std::int64_t blocks, rows, cols;
  std::int64_t x_block, x_row, x_col;
  std::int64_t dy_block, dy_row, dy_out;
  std::int64_t dw_out;
};

/// Data gradient of one row of one or two input channels of a stride-1 convolution, without touching the zeros beyond
/// the border: every dy vector is loaded once and scattered to its k columns.
///   dx[c dx_out + col 16 + lane] = sum over o, ky, kx of
///     w[o w_o + c w_c + ky k + kx] * dy[o dy_o - ky dy_row + (col + pad - kx) 16 + lane]
struct RowGradientJob {
  const float* dy;  // of row oy = iy + pad, o = 0, column 0
  const float* w;   // of o = 0, ky = first
  float* dx;
  int channels;  // 1 or 2
  std::int64_t k, pad;
  std::int64_t outputs, kernel_rows;
  std::int64_t out_cols, in_cols;
  std::int64_t dy_o, dy_row, dx_out;
  std::int64_t w_o, w_c;
};

/// A channel of 16 images among the others, [c][h][w][16].
struct LrnPlanes {
  Lrn lrn;
  std::int64_t channel = 0, channels = 0, rows = 0, columns = 0;
};
struct LrnJob : LrnPlanes {
  const float* x = nullptr;
  float* scale = nullptr;  // receives s
  float* y = nullptr;
};
struct LrnBackwardJob : LrnPlanes {
  const float* x = nullptr;
  const float* y = nullptr;
  const float* scale = nullptr;
  const float* dy = nullptr;
  float* dx = nullptr;
};

/// Depthwise convolution of one plane, or of several that are added up. For row < out_rows, col < out_columns, lane < 16:
///   y[row y_row + col y_col + lane] = bias + sum over planes p and taps (ky, kx) that meet the image of
///     w[p w_plane + ky w_row + kx w_col] * x[p x_plane + (iy columns.size + ix) 16 + lane]
/// with (iy, ix) where the tap meets it. Weights may lie backwards.
struct DepthwiseJob {
  const float* x;
  const float* w;
  float bias;
  float* y;
  std::int64_t planes;
  ConvSide<std::int64_t> rows, columns;
  std::int64_t out_rows, out_columns;
  std::int64_t x_plane;
  std::int64_t w_plane, w_row, w_col;
  std::int64_t y_row, y_col;
};

/// The gradient of one filter, dw[ky columns.k + kx] = sum over blocks, windows that meet the image there, lanes of
///   dy[block dy_block + (row out_columns + col) 16 + lane] * x[block x_block + (iy columns.size + ix) 16 + lane]
struct DepthwiseFilterJob {
  const float* x;
  const float* dy;
  float* dw;
  std::int64_t blocks;
  ConvSide<std::int64_t> rows, columns;
  std::int64_t out_rows, out_columns;
  std::int64_t x_block, dy_block;
};

/// The windows of one plane [h][w][16], and how many there are.
struct PoolWindows {
  PoolSide<std::int64_t> rows, columns;
  std::int64_t out_rows, out_columns;
};

/// Some rows of outputs of one plane of max pooling.
struct PoolJob {
  const float* x;
  float* y;
  std::int32_t* argmax;  // position in the plane, h * width + w, of the first maximum
  PoolWindows windows;
  Span<std::int64_t> outputs;  // rows
};

/// The gradient of one plane of max pooling: dx is overwritten.
struct PoolBackwardJob {
  const float* dy;
  const std::int32_t* argmax;
  float* dx;
  PoolWindows windows;
};

/// Sums over x[0, n) of the elements i with i % 16 < valid, in one fixed order.
struct Sums {
  double sum = 0;
  double other = 0;
};

/// Widths of kernels that row_gradient has loops for.
inline constexpr std::array<std::int64_t, 2> kRowGradientSizes = {3, 5};

struct Kernels {
  const char* name;
  void (*tiles)(const TileJob&);
  void (*filter)(const FilterJob&);
  void (*row_gradient)(const RowGradientJob&);  // k is one of kRowGradientSizes
  void (*depthwise)(const DepthwiseJob&);
  void (*depthwise_filter)(const DepthwiseFilterJob&);
  void (*max_pool)(const PoolJob&);
  void (*max_pool_backward)(const PoolBackwardJob&);
  /// Largest |x| as the bits of a float: order-free, and NaN and infinity come out on top.
  std::uint32_t (*max_abs_bits)(const float* x, std::int64_t n, std::int64_t valid);
  Sums (*moments)(const float* x, std::int64_t n, std::int64_t valid, double shift);  // sums of x - shift, its square
  Sums (*above)(const float* x, std::int64_t n, std::int64_t valid, double delta);    // sum of |x| > delta, count
  void (*quantize)(int method, const QParams& params, const float* x, float* y, std::int64_t n);
  /// dx = dy, 0 where x saturates; dx may be dy.
  void (*mask_saturated)(int method, const QParams& params, const float* x, const float* dy, float* dx, std::int64_t n);
  void (*relu)(const float* x, float* y, std::int64_t n);
  void (*relu_backward)(const float* y, const float* dy, float* dx, std::int64_t n);
  // Of one channel of a block of images.
  void (*batch_norm)(const float* x, const ChannelMoments& moments, float weight, float bias, float* y, std::int64_t n);
  /// Sums of dy and of dy times the normalized x.
  Sums (*batch_norm_sums)(const float* x, const float* dy, const ChannelMoments& moments, std::int64_t n,
                          std::int64_t valid);
  void (*batch_norm_gradient)(const float* x, const float* dy, const ChannelMoments& moments, float weight,
                              const GradientMeans& means, float* dx, std::int64_t n);
  void (*lrn)(const LrnJob& job);
  void (*lrn_backward)(const LrnBackwardJob& job);
  void (*channel_scale)(Scaled which, const float* x, float weight, float bias, float* y, std::int64_t n);
  Sums (*channel_scale_sums)(Scaled which, const float* x, const float* dy, std::int64_t n, std::int64_t valid);
  void (*channel_scale_gradient)(Scaled which, const float* x, const float* dy, float weight, float* dx,
                                 std::int64_t n);
  void (*update)(SolverType type, const UpdateParams& params, const float* g, float* w, float* a, float* b,
                 std::int64_t n);
};

/// Names of what this machine can run, best first.
[[nodiscard]] std::vector<std::string> instruction_sets();

/// `name` is one of instruction_sets().
[[nodiscard]] const Kernels& kernels(const std::string& name);

}  // namespace qrun::cpu
