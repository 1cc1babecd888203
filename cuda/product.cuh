// One tiled product, sums[m, n] = sum over k of a(m, k) b(k, n), for convolutions, their gradients and matrix products:
// a problem says where a and b lie and where sums go. Each sum is one thread's, over k in order, or one warp's, eight
// in k at once, so tiles change no bit. When a block has stored its sums, the problem may finish what it gathered from
// them. While a block multiplies one slice of kDepth values in k, its loads of the next are under way.
#pragma once

#include "cuda/kernels.h"
#include "cuda/launch.cuh"
#include "cuda/tensor_core.cuh"

namespace qrun::cuda {

inline constexpr int kDepth = 16;    // of a slice, in k
inline constexpr int kResident = 2;  // blocks that the registers of a multiprocessor are to hold

/// kRows x kColumns sums a block, kM x kN of them a thread.
template <int kRowsOf, int kColumnsOf, int kMOf, int kNOf>
struct Tile {
  static constexpr int kRows = kRowsOf, kColumns = kColumnsOf, kM = kMOf, kN = kNOf;
  static_assert(kRows / kM * (kColumns / kN) == static_cast<int>(kThreads));
};

/// One side of a slice: kSize x kDepth values, which the threads of a block load and keep.
template <int kSize>
class Side {
 public:
  static constexpr int kLoads = kDepth * kSize / static_cast<int>(kThreads);
  using Slice = float[kDepth][kSize + 8];  // 8: spreads a column over the banks and keeps rows aligned

  /// Neighbouring threads load along k, or along the other dimension.
  __device__ explicit Side(bool depth_first) : depth_first_(depth_first) {}
  __device__ int at(int load) const { return slot(load) / (depth_first_ ? kDepth : 1) % kSize; }
  __device__ int depth(int load) const { return depth_first_ ? slot(load) % kDepth : slot(load) / kSize; }

  /// value(load, at, depth) for each of this thread's loads.
  template <class Value>
  __device__ void fetch(const Value& value) {
#pragma unroll
    for (int l = 0; l < kLoads; ++l) values_[l] = value(l, at(l), depth(l));
  }
  __device__ void put(Slice& slice) const {
#pragma unroll
    for (int l = 0; l < kLoads; ++l) slice[depth(l)][at(l)] = values_[l];
  }

 private:
  __device__ static int slot(int load) { return static_cast<int>(threadIdx.x) + load * static_cast<int>(kThreads); }

  bool depth_first_;
  float values_[kLoads] = {};
};

/// A thread's sums of a tile: rows side by side, columns in groups of four that the threads take in turn, so that a
/// warp reads neighbouring words.
template <class T>
class FloatSums {
 public:
  static __device__ float rounded(float v) { return v; }

  __device__ void add(const typename Side<T::kRows>::Slice& a, const typename Side<T::kColumns>::Slice& b) {
#pragma unroll
    for (int d = 0; d < kDepth; ++d) {
      float left[T::kM];
      float right[T::kN];
      for (int i = 0; i < T::kM; ++i) left[i] = a[d][row_ + i];
      for (int j = 0; j < T::kN; ++j) right[j] = b[d][column(j)];
      for (int i = 0; i < T::kM; ++i) {
        for (int j = 0; j < T::kN; ++j) sums_[i][j] = __fmaf_rn(left[i], right[j], sums_[i][j]);
      }
    }
  }
  /// store(row, column, sum) for each.
  template <class Store>
  __device__ void each(const Store& store) const {
#pragma unroll
    for (int j = 0; j < T::kN; ++j) {
#pragma unroll
      for (int i = 0; i < T::kM; ++i) store(row_ + i, column(j), sums_[i][j]);
    }
  }

 private:
  static constexpr int kGroup = T::kN < 4 ? T::kN : 4;
  static constexpr int kAcross = T::kColumns / T::kN;  // threads side by side
  __device__ int column(int j) const { return j / kGroup * kAcross * kGroup + lane_ * kGroup + j % kGroup; }

  int row_ = static_cast<int>(threadIdx.x) / kAcross * T::kM;
  int lane_ = static_cast<int>(threadIdx.x) % kAcross;
  float sums_[T::kM][T::kN] = {};
};

/// The same on tensor cores, in TF32: each of a block's eight warps has a part of the tile, in pieces of 16 x 8.
template <class T>
class TensorSums {
 public:
  static __device__ float rounded(float v) { return to_tf32(v); }

  __device__ void add(const typename Side<T::kRows>::Slice& a, const typename Side<T::kColumns>::Slice& b) {
#pragma unroll
    for (int d = 0; d < kDepth; d += 8) {
      float right[kN][2];
      for (int j = 0; j < kN; ++j) {
        for (int i = 0; i < 2; ++i) right[j][i] = b[d + t_ + 4 * i][column_ + 8 * j + g_];
      }
      for (int m = 0; m < kM; ++m) {
        float left[4];
        for (int i = 0; i < 4; ++i) left[i] = a[d + t_ + i / 2 * 4][row_ + 16 * m + g_ + i % 2 * 8];
        for (int j = 0; j < kN; ++j) multiply_tf32(sums_[m][j], left, right[j]);
      }
    }
  }
  template <class Store>
  __device__ void each(const Store& store) const {
#pragma unroll
    for (int j = 0; j < kN; ++j) {
#pragma unroll
      for (int i = 0; i < 4 * kM; ++i)
        store(row_ + i / 2 * 8 + g_, column_ + 8 * j + 2 * t_ + i % 2, sums_[i / 4][j][i % 4]);
    }
  }

 private:
  static constexpr int kRows = T::kRows >= 64 ? 32 : 16;  // of a warp
  static constexpr int kAcross = static_cast<int>(kThreads) / 32 / (T::kRows / kRows);
  static constexpr int kColumns = T::kColumns / kAcross;
  static constexpr int kM = kRows / 16, kN = kColumns / 8;

  int row_ = static_cast<int>(threadIdx.x) / 32 / kAcross * kRows;
  int column_ = static_cast<int>(threadIdx.x) / 32 % kAcross * kColumns;
  int g_ = static_cast<int>(threadIdx.x) % 32 / 4, t_ = static_cast<int>(threadIdx.x) % 4;
  float sums_[kM][kN][4] = {};
};

template <class Problem, class T, class TileSums>
__global__ void __launch_bounds__(kThreads, kResident) product(Problem problem) {
  alignas(16) __shared__ typename Side<T::kRows>::Slice a[2];
  alignas(16) __shared__ typename Side<T::kColumns>::Slice b[2];
  const auto tiles = static_cast<unsigned>(ceil_div(problem.columns(), T::kColumns));
  problem.start(static_cast<int>(blockIdx.x / tiles));
  const int row0 = static_cast<int>(blockIdx.y) * T::kRows;
  const int column0 = static_cast<int>(blockIdx.x % tiles) * T::kColumns;
  Side<T::kRows> rows(problem.a_depth_first());
  Side<T::kColumns> columns(problem.b_depth_first());
  typename Problem::Column column[columns.kLoads];
  for (int l = 0; l < columns.kLoads; ++l) column[l] = problem.column(column0 + columns.at(l));
  const auto fetch = [&](int k0) {
    rows.fetch([&](int /*load*/, int at, int depth) {
      const bool inside = row0 + at < problem.rows() && k0 + depth < problem.end();
      return inside ? TileSums::rounded(problem.a(row0 + at, k0 + depth)) : 0.0F;
    });
    columns.fetch([&](int load, int at, int depth) {
      const bool inside = column0 + at < problem.columns() && k0 + depth < problem.end();
      return inside ? TileSums::rounded(problem.b(k0 + depth, column[load])) : 0.0F;
    });
  };

  TileSums sums;
  fetch(problem.begin());
  int now = 0;
  for (int k0 = problem.begin(); k0 < problem.end(); k0 += kDepth, now ^= 1) {
    rows.put(a[now]);
    columns.put(b[now]);
    __syncthreads();  // the other slice was read before the one of the turn before this
    if (k0 + kDepth < problem.end()) fetch(k0 + kDepth);
    sums.add(a[now], b[now]);
  }
  sums.each([&](int row, int column_of, float sum) {
    if (row0 + row < problem.rows() && column0 + column_of < problem.columns())
      problem.store(row0 + row, column0 + column_of, sum);
  });
  problem.finish(tiles * gridDim.y);
}

/// `layers`: products side by side (runs, groups, pieces). Tiles as large as still gives every multiprocessor some.
template <class Problem>
void launch_product(const Scope& scope, const Problem& problem, std::int64_t layers) {
  constexpr std::int64_t kEnough = 132;  // blocks: the multiprocessors of an H200
  const auto try_tile = [&]<class T>(T, bool at_last) {
    // Layers lie along x, the only side that is long enough for them.
    const dim3 grid(static_cast<unsigned>(ceil_div(problem.columns(), T::kColumns) * layers),
                    static_cast<unsigned>(ceil_div(problem.rows(), T::kRows)));
    if (!at_last && std::int64_t{grid.x} * grid.y < kEnough) return false;
    launch(scope.stream, grid, scope.tf32 ? product<Problem, T, TensorSums<T>> : product<Problem, T, FloatSums<T>>,
           problem);
    return true;
  };
  const int rows = problem.rows();
  if (rows > 64 && try_tile(Tile<128, 64, 8, 4>{}, false)) return;
  if (rows > 32 && try_tile(Tile<64, 128, 4, 8>{}, false)) return;
  if (rows <= 32 && try_tile(Tile<32, 128, 2, 8>{}, false)) return;
  if (rows > 32 && try_tile(Tile<64, 64, 4, 4>{}, false)) return;
  if (try_tile(Tile<32, 64, 2, 4>{}, false)) return;
  try_tile(Tile<32, 32, 2, 2>{}, true);
}

}  // namespace qrun::cuda
