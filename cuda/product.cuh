// One tiled product, sums[m, n] = sum over k of a(m, k) b(k, n), for convolutions, their gradients and matrix products:
// a problem says where a and b lie and where sums go. Each sum is one thread's, over k in order, so tiles change no
// bit.
#pragma once

#include "cuda/launch.cuh"

namespace qrun::cuda {

inline constexpr int kDepth = 16;  // of a tile, in k

/// Where a thread's loads of a tile of kSize x kDepth lie: along k first, or along the other dimension first.
template <int kSize>
struct LoadOrder {
  static constexpr int kLoads = kDepth * kSize / static_cast<int>(kThreads);
  bool depth_first;

  __device__ int at(int load) const { return slot(load) / (depth_first ? kDepth : 1) % kSize; }
  __device__ int depth(int load) const { return depth_first ? slot(load) % kDepth : slot(load) / kSize; }

 private:
  __device__ static int slot(int load) { return static_cast<int>(threadIdx.x) + load * static_cast<int>(kThreads); }
};

/// A tile of kRows x kColumns sums a block, kM x kN of them a thread.
template <class Problem, int kRows, int kColumns, int kM, int kN>
__global__ void __launch_bounds__(kThreads) product(Problem problem) {
  static_assert(kRows / kM * (kColumns / kN) == static_cast<int>(kThreads));
  constexpr int kPad = 4;  // floats: spreads columns over banks and keeps rows aligned
  alignas(16) __shared__ float a[kDepth][kRows + kPad];
  alignas(16) __shared__ float b[kDepth][kColumns + kPad];
  const auto tiles = static_cast<unsigned>(ceil_div(problem.columns(), kColumns));
  problem.start(static_cast<int>(blockIdx.x / tiles));
  const int row0 = static_cast<int>(blockIdx.y) * kRows;
  const int column0 = static_cast<int>(blockIdx.x % tiles) * kColumns;
  const LoadOrder<kRows> rows{problem.a_depth_first()};
  const LoadOrder<kColumns> columns{problem.b_depth_first()};
  typename Problem::Column column[LoadOrder<kColumns>::kLoads];
  for (int l = 0; l < columns.kLoads; ++l) column[l] = problem.column(column0 + columns.at(l));

  const int my_row = static_cast<int>(threadIdx.x) / (kColumns / kN) * kM;
  const int my_column = static_cast<int>(threadIdx.x) % (kColumns / kN) * kN;
  float sums[kM][kN] = {};
  for (int k0 = problem.begin(); k0 < problem.end(); k0 += kDepth) {
#pragma unroll
    for (int l = 0; l < rows.kLoads; ++l) {
      const int m = row0 + rows.at(l);
      const int k = k0 + rows.depth(l);
      a[rows.depth(l)][rows.at(l)] = m < problem.rows() && k < problem.end() ? problem.a(m, k) : 0.0F;
    }
#pragma unroll
    for (int l = 0; l < columns.kLoads; ++l) {
      const int n = column0 + columns.at(l);
      const int k = k0 + columns.depth(l);
      b[columns.depth(l)][columns.at(l)] = n < problem.columns() && k < problem.end() ? problem.b(k, column[l]) : 0.0F;
    }
    __syncthreads();
#pragma unroll
    for (int d = 0; d < kDepth; ++d) {
      float left[kM];
      float right[kN];
      for (int i = 0; i < kM; ++i) left[i] = a[d][my_row + i];
      for (int j = 0; j < kN; ++j) right[j] = b[d][my_column + j];
      for (int i = 0; i < kM; ++i) {
        for (int j = 0; j < kN; ++j) sums[i][j] = __fmaf_rn(left[i], right[j], sums[i][j]);
      }
    }
    __syncthreads();
  }
  for (int j = 0; j < kN; ++j) {
    const int n = column0 + my_column + j;
    if (n >= problem.columns()) break;
    for (int i = 0; i < kM; ++i) {
      const int m = row0 + my_row + i;
      if (m < problem.rows()) problem.store(m, n, sums[i][j]);
    }
  }
}

/// `layers`: products side by side (runs, groups, pieces). Tiles as large as still gives every multiprocessor some.
template <class Problem>
void launch_product(cudaStream_t stream, const Problem& problem, std::int64_t layers) {
  constexpr std::int64_t kEnough = 132;           // blocks: the multiprocessors of an H200
  const auto grid = [&](int rows, int columns) {  // layers lie along x, the only side that is long enough for them
    return dim3(static_cast<unsigned>(ceil_div(problem.columns(), columns) * layers),
                static_cast<unsigned>(ceil_div(problem.rows(), rows)));
  };
  const auto enough = [](dim3 g) { return std::int64_t{g.x} * g.y >= kEnough; };
  if (problem.rows() > 32 && enough(grid(64, 64))) {
    launch(stream, grid(64, 64), product<Problem, 64, 64, 4, 4>, problem);
  } else if (enough(grid(32, 64))) {
    launch(stream, grid(32, 64), product<Problem, 32, 64, 2, 4>, problem);
  } else {
    launch(stream, grid(32, 32), product<Problem, 32, 32, 2, 2>, problem);
  }
}

}  // namespace qrun::cuda
