// What the gradients of a direct convolution's weights and biases compute, with the cuts and tiles that
// direct_conv2d_backward_weight.cu chooses: a thread has rows of taps of some filters, and goes over the positions of its
// piece of the batch in order. A bias is a tap whose input is 1. What pieces there are depends on the shape alone: they
// are added in order by the last block of their filters and channels.
#pragma once

#include "cuda/image_patch.cuh"
#include "cuda/kernels.h"
#include "cuda/pieces.cuh"
#include "cuda/shape32.h"

namespace qrun::cuda::direct_weight {

constexpr int kOnes = 16;  // inputs of a bias: as many as a thread reads in a row

struct DirectWeight {
  Shape32 s;
  ConvOperands operands;
  // How the positions of a batch are cut, by the shape alone: rows that come to shared memory together are a unit;
  // `slices` of a block's threads take its rows in turn; a piece is `units` of them.
  int columns = 0;  // of a unit's rows, zeros behind the image included
  int rows = 0, slices = 1, units = 0, pieces = 0;
  int team = 1;  // pieces that are added to each other first
  int span = 1;  // pieces of a block: one, or a team's
  // What blocks do: sums of `threads` times kM filters, and of some channels.
  int threads = 0, block_filters = 0, block_channels = 0;
  Patch x{}, dy{};  // of a unit
  Divisor by_spans{}, by_channel_blocks{}, by_filter_blocks{}, by_row_blocks{}, by_team{};
  Divisor by_rows_of_taps{}, by_threads{}, by_sums{};  // sums: of a filter, in a block

  [[nodiscard]] QRUN_HD int sums() const { return s.taps + 1; }                         // of a filter
  [[nodiscard]] QRUN_HD int piece_size() const { return s.filters * sums(); }           // sums of a group
  [[nodiscard]] QRUN_HD int block_taps() const { return block_channels * s.k.size(); }  // of a filter
};

/// Which sums a block makes, of which run, over which piece.
struct Part {
  int tile, piece, product, run, group, filter0, channel0;
  __device__ explicit Part(const DirectWeight& p) {
    const int block = static_cast<int>(blockIdx.x);
    tile = p.by_spans.quotient(block);
    piece = (block - tile * p.by_spans.value()) * p.span;
    const int filters = p.by_channel_blocks.quotient(tile);
    channel0 = (tile - filters * p.by_channel_blocks.value()) * p.block_channels;
    product = p.by_filter_blocks.quotient(filters);
    filter0 = (filters - product * p.by_filter_blocks.value()) * p.block_filters;
    run = p.s.by_groups.quotient(product);
    group = product - run * p.s.groups;
  }
};

/// A thread's sums: a row of taps (channel, ky) of the block, or the bias, of filters that lie p.threads apart.
struct Lane {
  int filter, channel, ky, slice;
  bool is_bias;
  __device__ explicit Lane(const DirectWeight& p) {
    const int thread = static_cast<int>(threadIdx.x);
    const int above = p.by_rows_of_taps.quotient(thread);
    const int row = thread - above * p.by_rows_of_taps.value();
    slice = p.by_threads.quotient(above);
    filter = above - slice * p.threads;
    channel = row / p.s.k.h;
    ky = row - channel * p.s.k.h;
    is_bias = channel == p.block_channels;
  }
};

/// Starts to bring a unit: the rows of the output's gradient, and those of the input that their windows meet.
__device__ inline void bring(const DirectWeight& p, const Part& part, float* to, int unit) {
  const int image = p.by_row_blocks.quotient(unit);
  const int row0 = (unit - image * p.by_row_blocks.value()) * p.rows;
  const ConvOperands& o = p.operands;
  const auto first = [&](const Tensor& t, int channels, int plane) {
    return t.data + part.run * t.stride +
           (static_cast<std::int64_t>(image) * p.s.groups + part.group) * channels * plane;
  };
  const auto planes = [](const float* from, int plane0, int count, int size) {
    return [=](int plane) {
      const bool inside = plane0 + plane < count;
      return Plane{from + (inside ? plane0 + plane : 0) * size, inside};
    };
  };
  p.dy.bring(to, row0, planes(first(o.y, p.s.filters, p.s.pixels), part.filter0, p.s.filters, p.s.pixels));
  p.x.bring(to + p.dy.size(), row0 - p.s.pad.h,
            planes(first(o.x, p.s.channels, p.s.plane), part.channel0, p.s.channels, p.s.plane));
}

/// Adds kN positions side by side.
template <int K, int kM, int kN>
__device__ inline void add_positions(float (&sums)[kM][K], const float* x, const float* dy, int filter_step) {
  float pixels[(kN + K - 1 + 3) / 4 * 4];
  load_row(pixels, x);
#pragma unroll
  for (int m = 0; m < kM; ++m) {
    float gradients[kN];
    load_row(gradients, dy + m * filter_step);
#pragma unroll
    for (int j = 0; j < kN; ++j) {
#pragma unroll
      for (int kx = 0; kx < K; ++kx) sums[m][kx] = __fmaf_rn(gradients[j], pixels[j + kx], sums[m][kx]);
    }
  }
}

/// Adds the sums of a piece to those of the pieces before it.
template <int K, int kM>
__device__ inline void fold(float (&total)[kM][K], float (&sums)[kM][K]) {
#pragma unroll
  for (int m = 0; m < kM; ++m) {
#pragma unroll
    for (int kx = 0; kx < K; ++kx) {
      total[m][kx] += sums[m][kx];
      sums[m][kx] = 0.0F;
    }
  }
}

/// The sums that a block makes, counted [filter][tap] from its first ones, the bias behind the taps of each filter.
struct BlockSums {
  const DirectWeight& p;
  const Part& part;

  struct Sum {
    int filter, tap;
  };
  [[nodiscard]] __device__ int count() const { return p.block_filters * (p.block_taps() + 1); }
  [[nodiscard]] __device__ Sum at(int i) const {
    const int filter = p.by_sums.quotient(i);
    return {filter, i - filter * p.by_sums.value()};
  }
  [[nodiscard]] __device__ bool is_bias(const Sum& sum) const { return sum.tap == p.block_taps(); }
  /// Returns a sum's place in a piece, [filter][tap] of a group; negative where there is no such sum, or another block
  /// makes it.
  [[nodiscard]] __device__ int place(int i) const {
    const Sum sum = at(i);
    const int tap = is_bias(sum) ? p.s.taps : part.channel0 * p.s.k.size() + sum.tap;
    const bool has = is_bias(sum) ? p.operands.b.data != nullptr && part.channel0 == 0 : tap < p.s.taps;
    return has && part.filter0 + sum.filter < p.s.filters ? (part.filter0 + sum.filter) * p.sums() + tap : -1;
  }
  [[nodiscard]] __device__ float* piece(int number) const {
    return p.operands.space.sums + (static_cast<std::int64_t>(part.product) * p.pieces + number) * p.piece_size();
  }
  /// Writes a sum to the gradient.
  __device__ void put(int i, float value) const {
    const Sum sum = at(i);
    const int filter = part.group * p.s.filters + part.filter0 + sum.filter;
    const ConvOperands& o = p.operands;
    if (is_bias(sum)) {
      o.b.data[part.run * o.b.stride + filter] = value;
    } else {
      o.w.data[part.run * o.w.stride + static_cast<std::int64_t>(filter) * p.s.taps + part.channel0 * p.s.k.size() +
               sum.tap] = value;
    }
  }
};

/// Adds what the slices of the block have, through `shared`: to the gradient, or to the block's piece.
template <int K, int kM>
__device__ void add_slices(const DirectWeight& p, const BlockSums& sums, const Part& part, const Lane& lane,
                           const float (&mine)[kM][K], float* shared) {
  const int taps = p.by_sums.value();
  const int size = sums.count();
#pragma unroll
  for (int m = 0; m < kM; ++m) {
#pragma unroll
    for (int kx = 0; kx < K; ++kx) {
      const int at = lane.slice * size + (lane.filter + m * p.threads) * taps + (lane.channel * K + lane.ky) * K + kx;
      if (lane.slice < p.slices && (kx == 0 || !lane.is_bias)) shared[at] = mine[m][kx];
    }
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < size; i += static_cast<int>(kThreads)) {
    const int place = sums.place(i);
    if (place < 0) continue;
    float sum = shared[i];
    for (int slice = 1; slice < p.slices; ++slice) sum += shared[slice * size + i];
    if (p.pieces == 1) {
      sums.put(i, sum);
    } else {
      sums.piece(part.piece)[place] = sum;
    }
  }
}

/// Adds the pieces of all blocks: the one that comes last of a team the team's, and the last of those what the teams
/// have.
__device__ inline void add_teams(const DirectWeight& p, const BlockSums& sums, const Part& part) {
  const int teams = static_cast<int>(ceil_div(p.pieces, p.team));
  const int team = p.by_team.quotient(part.piece);
  const int first = team * p.team;
  const int members = first + p.team < p.pieces ? p.team : p.pieces - first;
  unsigned* const counters = p.operands.space.counters + part.tile * (teams + 1);
  const auto place = [&](int i) { return sums.place(i); };
  if (p.span == 1) {
    publish();
    if (!is_last_block(counters + 1 + team, static_cast<unsigned>(members))) return;
    float* const to = sums.piece(first);
    add_pieces(to, members, p.piece_size(), sums.count(), place, [&](int i, float sum) { to[sums.place(i)] = sum; });
  }
  publish();
  if (!is_last_block(counters, static_cast<unsigned>(teams))) return;
  add_pieces(sums.piece(0), teams, static_cast<std::int64_t>(p.team) * p.piece_size(), sums.count(), place,
             [&](int i, float sum) { sums.put(i, sum); });
}

template <int K, int kM, int kN>
__global__ void __launch_bounds__(kThreads, kM == 4 ? 3 : 2) direct_conv2d_weight_kernel(DirectWeight p) {
  alignas(16) __shared__ float space[2 * kStageFloats];
  alignas(16) __shared__ float ones[kOnes];
  if (threadIdx.x < kOnes) ones[threadIdx.x] = 1.0F;
  const Part part(p);
  const Lane lane(p);
  const int begin = part.piece * p.units;
  const int all = p.s.n * p.by_row_blocks.value();
  const int end = begin + p.units * p.span < all ? begin + p.units * p.span : all;
  // Where a row of taps meets the patch; a bias stays where the ones are.
  const int x_at = p.dy.size() + lane.channel * p.x.plane_pitch + lane.ky * p.x.pitch;
  const int row_step = lane.is_bias ? 0 : p.x.pitch;
  const int column_step = lane.is_bias ? 0 : 1;
  float sums[kM][K] = {};
  float total[kM][K] = {};  // of the pieces before
  int left = p.units;       // of the piece
  bring(p, part, space, begin);
  close_copies();
  for (int unit = begin; unit < end; ++unit) {
    wait_for_copies<0>();
    __syncthreads();  // the unit is there for all threads, and they are done with the one before it
    if (unit + 1 < end) bring(p, part, space + (unit + 1 - begin) % 2 * kStageFloats, unit + 1);
    close_copies();
    float* const now = space + (unit - begin) % 2 * kStageFloats;
    const float* const dy = now + lane.filter * p.dy.plane_pitch;
    const float* const x = lane.is_bias ? ones : now + x_at;
    for (int row = lane.slice; lane.slice < p.slices && row < p.rows; row += p.slices) {
      for (int column = 0; column < p.columns; column += kN)
        add_positions<K, kM, kN>(sums, x + row * row_step + column * column_step, dy + row * p.columns + column,
                                 p.threads * p.dy.plane_pitch);
    }
    if (--left == 0) {
      left = p.units;
      fold(total, sums);
    }
  }
  if (left != p.units) fold(total, sums);
  __syncthreads();
  const BlockSums of_block{p, part};
  add_slices<K, kM>(p, of_block, part, lane, total, space);
  if (p.pieces > 1) add_teams(p, of_block, part);
}

}  // namespace qrun::cuda::direct_weight
