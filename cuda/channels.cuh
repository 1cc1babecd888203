// Sums over the values of a channel in a batch: blocks sum pieces of them, whose sums are added in order.
#pragma once

#include "cuda/divisor.h"
#include "cuda/kernels.h"
#include "cuda/launch.cuh"

namespace qrun::cuda {

/// The channels of a batch.
struct Channels {
  int count, plane, values, pieces;  // values of a channel in the batch, and pieces that they are cut into
  Divisor by_plane, by_count, by_pieces;
  Channels(const Shape& s, std::int64_t n)
      : count(static_cast<int>(s.c)),
        plane(static_cast<int>(s.h * s.w)),
        values(static_cast<int>(n * s.h * s.w)),
        pieces(static_cast<int>(ceil_div(n * s.h * s.w, kPiece))),
        by_plane(plane),
        by_count(count),
        by_pieces(pieces) {}

  /// Returns where in a tensor a value of a channel lies.
  [[nodiscard]] __device__ int place(int channel, int value) const {
    const int image = by_plane.quotient(value);
    return (image * count + channel) * plane + value - image * plane;
  }
  [[nodiscard]] __device__ int channel_at(int place) const {
    const int planes = by_plane.quotient(place);
    return planes - by_count.quotient(planes) * count;
  }
};

__device__ inline Sums add_sums(const Sums& a, const Sums& b) { return {a.sum + b.sum, a.other + b.other}; }

/// The sums of `term(place)` over the piece of a channel that is the block's.
template <class Term>
__device__ void sum_piece(const Channels& s, Sums* partials, const Term& term) {
  const int channel = s.by_pieces.quotient(static_cast<int>(blockIdx.x));
  const int begin = (static_cast<int>(blockIdx.x) - channel * s.pieces) * static_cast<int>(kPiece);
  const int end = begin + static_cast<int>(kPiece) < s.values ? begin + static_cast<int>(kPiece) : s.values;
  Sums mine{0.0, 0.0};
  for (int i = begin + static_cast<int>(threadIdx.x); i < end; i += static_cast<int>(kThreads))
    mine = add_sums(mine, term(channel, s.place(channel, i)));
  const Sums all = block_reduce(mine, add_sums);
  if (threadIdx.x == 0) partials[static_cast<std::int64_t>(blockIdx.y) * gridDim.x + blockIdx.x] = all;
}

/// Returns the sums of a channel, from those of its pieces.
__device__ inline Sums total_of_channel(const Channels& s, const Sums* partials, int channel) {
  const Sums* of = partials + (static_cast<std::int64_t>(blockIdx.y) * s.count + channel) * s.pieces;
  Sums total{0.0, 0.0};
  for (int piece = 0; piece < s.pieces; ++piece) total = add_sums(total, of[piece]);
  return total;
}

/// Returns a channel's value of a blob, which may be left out: `without` then.
__device__ inline float value_of(const Tensor& blob, int channel, float without) {
  return blob.data == nullptr ? without : blob.data[blockIdx.y * blob.stride + channel];
}

/// Returns blocks for all pieces of all channels, of each run.
[[nodiscard]] inline dim3 pieces_grid(const Scope& scope, const Shape& s) {
  return dim3(static_cast<unsigned>(channel_sums(s, scope.n)), static_cast<unsigned>(scope.runs));
}

}  // namespace qrun::cuda
