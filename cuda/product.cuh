// One tiled product, sums[m, n] = sum over k of a(m, k) b(k, n), for convolutions, their gradients and matrix products:
// a problem says where a and b lie and where sums go; a(m, k) lies at a()[m a_row() + a_offset(k)]. Each sum, or each
// piece of it, is one thread's, over k in order, or one warp's, eight in k at once, so tiles change no bit. When a
// block has stored its sums, the problem may finish what it gathered from them. While a block multiplies one slice of
// kDepth values in k, those behind it are on their way to shared memory.
#pragma once

#include <limits>
#include <type_traits>

#include "cuda/copy_async.cuh"
#include "cuda/kernels.h"
#include "cuda/launch.cuh"
#include "cuda/pieces.cuh"
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

/// Where a factor lies; outside the problem it is zero, and `at` any place that may be read.
struct Factor {
  const float* at;
  bool inside;
};

/// One side of a slice: kSize x kDepth values, which the threads of a block bring, each of them one value or four that lie
/// side by side in memory: along k (kAlongDepth), as they then do in shared memory, or along the other dimension.
template <int kSize, bool kAlongDepth = false>
class Side {
 public:
  // Rows are multiples of 16 bytes, and rows or columns that threads read together begin in different banks.
  using Slice = float[kAlongDepth ? kSize : kDepth][kAlongDepth ? kDepth + 4 : kSize + 8];
  static constexpr int kLoads = kDepth * kSize / static_cast<int>(kThreads);  // of single values

  /// `step`: values a copy, 1 or 4.
  __device__ explicit Side(int step) : step_(step) {
    const int first = static_cast<int>(threadIdx.x) * step;  // value of the slice that this thread brings first
    at_ = kAlongDepth ? first / kDepth : first % kSize;
    depth_ = kAlongDepth ? first % kDepth : first / kSize;
  }
  __device__ int at(int load) const {
    return at_ + (kAlongDepth ? load * step_ * static_cast<int>(kThreads) / kDepth : 0);
  }

  /// Starts to bring factor(load, at, depth) for each of this thread's copies.
  template <class FactorOf>
  __device__ void bring(Slice& slice, const FactorOf& factor) const {
    if (step_ == 1) return bring_by<1>(slice, factor);
    bring_by<4>(slice, factor);
  }

  /// kCount values along the other dimension from `at` on, `stride` apart, at four depths: values[depth][i].
  template <int kCount, class Place>
  __device__ static void four_depths(const Slice& slice, int depth, const Place& place, float (&values)[4][kCount]) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      if constexpr (kAlongDepth) {
        const float4 four = *reinterpret_cast<const float4*>(&slice[place(i)][depth]);
        values[0][i] = four.x, values[1][i] = four.y, values[2][i] = four.z, values[3][i] = four.w;
      } else {
        for (int d = 0; d < 4; ++d) values[d][i] = slice[depth + d][place(i)];
      }
    }
  }
  __device__ static float value(const Slice& slice, int depth, int at) {
    return kAlongDepth ? slice[at][depth] : slice[depth][at];
  }

 private:
  template <int kStep, class FactorOf>
  __device__ void bring_by(Slice& slice, const FactorOf& factor) const {
    constexpr int kInAll = kSize * kDepth / kStep;
    constexpr int kThreadsOf = static_cast<int>(kThreads);
#pragma unroll
    for (int l = 0; l < (kInAll + kThreadsOf - 1) / kThreadsOf; ++l) {
      if (kInAll < kThreadsOf && static_cast<int>(threadIdx.x) >= kInAll) break;
      const int place = at_ + (kAlongDepth ? l * kStep * kThreadsOf / kDepth : 0);
      const int depth = depth_ + (kAlongDepth ? 0 : l * kStep * kThreadsOf / kSize);
      const Factor from = factor(l, place, depth);
      float* const to = kAlongDepth ? &slice[place][depth] : &slice[depth][place];
      if constexpr (kStep == 4) {
        copy_four_async(to, from.at, from.inside);
      } else {
        copy_async(to, from.at, from.inside);
      }
    }
  }

  int step_, at_, depth_;
};

/// A thread's sums of a tile: rows side by side, columns in groups of four that the threads take in turn, so that a
/// warp reads neighbouring words; one by one where those that threads read together lie along k.
template <class T, class A, class B, bool kBAlongDepth>
class FloatSums {
 public:
  __device__ void add(const typename A::Slice& a, const typename B::Slice& b) {
#pragma unroll
    for (int d = 0; d < kDepth; d += 4) {
      float left[4][T::kM];
      float right[4][T::kN];
      A::four_depths(
          a, d, [&](int i) { return row_ + i; }, left);
      B::four_depths(
          b, d, [&](int j) { return column(j); }, right);
#pragma unroll
      for (int of = 0; of < 4; ++of) {
        for (int i = 0; i < T::kM; ++i) {
          for (int j = 0; j < T::kN; ++j) sums_[i][j] = __fmaf_rn(left[of][i], right[of][j], sums_[i][j]);
        }
      }
    }
  }
  /// Adds another's sums, which are zero then.
  __device__ void take(FloatSums& other) {
    for (int i = 0; i < T::kM; ++i) {
      for (int j = 0; j < T::kN; ++j) {
        sums_[i][j] += other.sums_[i][j];
        other.sums_[i][j] = 0.0F;
      }
    }
  }
  /// Calls store(row, column, sum) for each sum.
  template <class Store>
  __device__ void each(const Store& store) const {
#pragma unroll
    for (int j = 0; j < T::kN; ++j) {
#pragma unroll
      for (int i = 0; i < T::kM; ++i) store(row_ + i, column(j), sums_[i][j]);
    }
  }

 private:
  static constexpr int kGroup = kBAlongDepth ? 1 : T::kN < 4 ? T::kN : 4;
  static constexpr int kAcross = T::kColumns / T::kN;  // threads side by side
  __device__ int column(int j) const { return j / kGroup * kAcross * kGroup + lane_ * kGroup + j % kGroup; }

  int row_ = static_cast<int>(threadIdx.x) / kAcross * T::kM;
  int lane_ = static_cast<int>(threadIdx.x) % kAcross;
  float sums_[T::kM][T::kN] = {};
};

/// A thread's sums of a tile on tensor cores, in TF32: each of a block's eight warps has a part of the tile, in pieces
/// of 16 x 8.
template <class T, class A, class B, bool kBAlongDepth>
class TensorSums {
 public:
  __device__ void add(const typename A::Slice& a, const typename B::Slice& b) {
#pragma unroll
    for (int d = 0; d < kDepth; d += 8) {
      float right[kN][2];
      for (int j = 0; j < kN; ++j) {
        for (int i = 0; i < 2; ++i) right[j][i] = to_tf32(B::value(b, d + t_ + 4 * i, column_ + 8 * j + g_));
      }
      for (int m = 0; m < kM; ++m) {
        float left[4];
        for (int i = 0; i < 4; ++i) left[i] = to_tf32(A::value(a, d + t_ + i / 2 * 4, row_ + 16 * m + g_ + i % 2 * 8));
        for (int j = 0; j < kN; ++j) multiply_tf32(sums_[m][j], left, right[j]);
      }
    }
  }
  __device__ void take(TensorSums& other) {
    for (int m = 0; m < kM; ++m) {
      for (int j = 0; j < kN; ++j) {
        for (int i = 0; i < 4; ++i) {
          sums_[m][j][i] += other.sums_[m][j][i];
          other.sums_[m][j][i] = 0.0F;
        }
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

/// Sums in pieces of `depth` products each. The pieces of a sum wait in `space`, [product][piece][row][column], for the
/// block of their tile that comes last, which adds them in order. One piece, or all of a sum in one block: sums go where
/// they belong at once.
struct Pieces {
  int count = 1;
  int depth = 0;
  PieceSpace space;
};

/// The tile of sums that a block makes: `layer` counts products, or pieces of them.
struct Spot {
  int layer, product, row0, column0;
  unsigned tiles;  // side by side
};

/// Returns the tile of this block; `direct`: it makes whole sums.
template <class T>
__device__ Spot spot_of(int columns, const Pieces& pieces, bool direct) {
  Spot spot{};
  spot.tiles = static_cast<unsigned>(ceil_div(columns, T::kColumns));
  spot.layer = static_cast<int>(blockIdx.x / spot.tiles);
  spot.product = direct ? spot.layer : spot.layer / pieces.count;
  spot.row0 = static_cast<int>(blockIdx.y) * T::kRows;
  spot.column0 = static_cast<int>(blockIdx.x % spot.tiles) * T::kColumns;
  return spot;
}

/// Stores a tile's sums where they belong, or as a piece; the last block of the tile then adds its pieces. False in
/// the others.
template <class T, class Problem, class TileSums>
__device__ bool store_tile(Problem& problem, const Pieces& pieces, bool direct, const Spot& spot,
                           const TileSums& sums) {
  const std::int64_t size = static_cast<std::int64_t>(problem.rows()) * problem.columns();
  const auto place = [&](int row, int column) {
    const int m = spot.row0 + row;
    const int n = spot.column0 + column;
    return m < problem.rows() && n < problem.columns() ? m * problem.columns() + n : -1;
  };
  float* const mine = direct ? nullptr : pieces.space.sums + spot.layer * size;  // one piece needs no space
  sums.each([&](int row, int column, float sum) {
    const int at = place(row, column);
    if (at < 0) return;
    if (direct) {
      problem.store(spot.row0 + row, spot.column0 + column, sum);
    } else {
      mine[at] = sum;
    }
  });
  if (direct) return true;
  publish();
  const unsigned tile = (spot.product * gridDim.y + blockIdx.y) * spot.tiles + blockIdx.x % spot.tiles;
  if (!is_last_block(pieces.space.counters + tile, static_cast<unsigned>(pieces.count))) return false;
  add_pieces(
      pieces.space.sums + spot.product * pieces.count * size, pieces.count, size, T::kRows * T::kColumns,
      [&](int i) { return place(i / T::kColumns, i % T::kColumns); },
      [&](int i, float sum) { problem.store(spot.row0 + i / T::kColumns, spot.column0 + i % T::kColumns, sum); });
  return true;
}

/// kWhole: a block makes all pieces of its sums, one behind the other.
template <class Problem, class T, template <class, class, class, bool> class TileSums, bool kWhole>
__global__ void __launch_bounds__(kThreads, kResident) product_kernel(Problem problem, Pieces pieces) {
  constexpr int kSlices = T::kRows + T::kColumns > 128 ? 3 : 4;  // of which all but one are under way
  using A = Side<T::kRows, Problem::kAAlongDepth>;
  using B = Side<T::kColumns, Problem::kBAlongDepth>;
  alignas(16) __shared__ typename A::Slice a[kSlices];
  alignas(16) __shared__ typename B::Slice b[kSlices];
  const bool direct = kWhole || pieces.count == 1;
  const Spot spot = spot_of<T>(problem.columns(), pieces, direct);
  problem.start(spot.product);
  const int begin = direct ? 0 : (spot.layer - spot.product * pieces.count) * pieces.depth;
  const int end = kWhole || problem.depth() - begin < pieces.depth ? problem.depth() : begin + pieces.depth;
  const A rows(problem.a_step());
  const B columns(problem.b_step());
  typename Problem::Column column[B::kLoads];
  for (int l = 0; l < B::kLoads; ++l) column[l] = problem.column(spot.column0 + columns.at(l));
  // Every thread brings something, what lies inside or a zero: no branches.
  const float* const left = problem.a();
  const int row_step = problem.a_row();
  const auto bring = [&](int slice, int k0) {
    rows.bring(a[slice], [&](int /*load*/, int at, int depth) {
      const int m = spot.row0 + at;
      const int k = k0 + depth;
      const bool inside = m < problem.rows() && k < end;
      return Factor{left + (inside ? m * row_step + problem.a_offset(k) : 0), inside};
    });
    columns.bring(b[slice], [&](int load, int /*at*/, int depth) {
      const int k = k0 + depth;
      const Factor factor = problem.b(k < end ? k : begin, column[load]);
      return Factor{factor.at, factor.inside && k < end};
    });
  };

  TileSums<T, A, B, Problem::kBAlongDepth> sums;
  TileSums<T, A, B, Problem::kBAlongDepth> total;  // of the pieces before
#pragma unroll
  for (int slice = 0; slice < kSlices - 1; ++slice) {
    if (begin + slice * kDepth < end) bring(slice, begin + slice * kDepth);
    close_copies();
  }
  int now = 0;
  int next = pieces.depth;  // where a piece ends
  for (int k0 = begin; k0 < end; k0 += kDepth) {
    wait_for_copies<kSlices - 2>();  // this slice is there; those behind it may still be under way
    __syncthreads();                 // for all threads, and they are done with the slice before this one
    const int ahead = k0 + (kSlices - 1) * kDepth;
    const int free = now == 0 ? kSlices - 1 : now - 1;
    if (ahead < end) bring(free, ahead);
    close_copies();
    sums.add(a[now], b[now]);
    if (kWhole && (k0 + kDepth == next || k0 + kDepth >= end)) {
      total.take(sums);
      next += pieces.depth;
    }
    now = now == kSlices - 1 ? 0 : now + 1;
  }
  if (store_tile<T>(problem, pieces, direct, spot, kWhole ? total : sums)) problem.finish(spot.tiles * gridDim.y);
}

/// The time that tiles of one size would take: blocks that are on the device together count once, and so does what a
/// tile computes beyond the problem's border, and 64 products' time to start and to end. `share`: of multiply-adds among
/// the instructions of the loop, read off sm_90's machine code. A multiprocessor with fewer than kResident blocks waits
/// for memory in between (measured on an H100: a slice took as long for one block as for two).
template <class T>
[[nodiscard]] inline double cost_of(std::int64_t rows, std::int64_t columns, std::int64_t layers, std::int64_t depth,
                                    int processors, double share) {
  const std::int64_t blocks = ceil_div(rows, T::kRows) * ceil_div(columns, T::kColumns) * layers;
  return static_cast<double>(ceil_div(blocks, kResident * processors) * T::kRows * T::kColumns * (depth + 64)) / share;
}

/// Counters that any tiling of a product needs.
[[nodiscard]] inline std::int64_t counters_of(std::int64_t rows, std::int64_t columns) {
  return ceil_div(rows, 32) * ceil_div(columns, 32);
}

/// Launches `products` side by side (runs, groups). Takes the tiles that cost least on this device.
template <class Problem>
void launch_product(const Scope& scope, const Problem& problem, std::int64_t products, const Pieces& pieces) {
  double least = std::numeric_limits<double>::infinity();
  dim3 grid;
  void (*kernel)(Problem, Pieces) = nullptr;
  const auto consider_layers = [&]<class T, bool kWhole>(T, std::bool_constant<kWhole>, double share) {
    const std::int64_t layers = kWhole ? products : products * pieces.count;
    const int depth = kWhole ? problem.depth() : pieces.depth;
    const double cost = cost_of<T>(problem.rows(), problem.columns(), layers, depth, scope.processors, share);
    if (cost >= least) return;
    least = cost;
    kernel =
        scope.tf32 ? product_kernel<Problem, T, TensorSums, kWhole> : product_kernel<Problem, T, FloatSums, kWhole>;
    // Layers lie along x, the only side that is long enough for them.
    grid = dim3(static_cast<unsigned>(ceil_div(problem.columns(), T::kColumns) * layers),
                static_cast<unsigned>(ceil_div(problem.rows(), T::kRows)));
  };
  const auto consider = [&]<class T>(T tile, double share) {
    consider_layers(tile, std::false_type{}, share);
    if constexpr (Problem::kMayBeWhole && T::kRows >= 64) {  // small tiles are for few sums
      if (pieces.count > 1) consider_layers(tile, std::true_type{}, share);
    }
  };
  consider(Tile<32, 32, 2, 2>{}, 0.37);
  consider(Tile<32, 64, 2, 4>{}, 0.46);
  consider(Tile<32, 128, 2, 8>{}, 0.50);
  consider(Tile<64, 64, 4, 4>{}, 0.60);
  consider(Tile<64, 128, 4, 8>{}, 0.65);
  consider(Tile<128, 64, 8, 4>{}, 0.70);
  launch(scope.stream, grid, kernel, problem, pieces);
}

}  // namespace qrun::cuda
