// What convolution and its gradients share as products, which are gathered from the images as they lie: shapes,
// windows, and where long sums are cut. A matrix product is the convolution of one pixel, where k is what lies side by
// side in memory.
#pragma once

#include "cuda/product.cuh"
#include "cuda/shape32.h"

namespace qrun::cuda {

/// How windows lie in images: each image is one value a channel; no window reaches over a border; some do.
enum class Images : std::uint8_t { kOnePixel, kInside, kPadded };

[[nodiscard]] inline Images images_of(const ConvShape& s) {
  if (s.pad != 0) return Images::kPadded;
  return s.h * s.w == 1 && s.out_h() * s.out_w() == 1 && s.k == 1 ? Images::kOnePixel : Images::kInside;
}

/// An output pixel's window in the padded input.
struct Window {
  int origin = 0;         // of its first value in the image's channel, were it inside
  int top = 0, left = 0;  // of the window
};
__device__ inline Window window_at(const Shape32& s, int pixel) {
  const int row = s.by_columns.quotient(pixel);
  const int top = row * s.stride.h - s.pad.h;
  const int left = (pixel - row * s.ow) * s.stride.w - s.pad.w;
  return {top * s.w + left, top, left};
}

__device__ inline Tap tap_at(const Tap* taps, int k) {
  const int4 tap = __ldg(reinterpret_cast<const int4*>(taps) + k);
  return {tap.x, tap.y, tap.z, 0};
}
/// Returns the offset of a tap alone.
__device__ inline int offset_at(const Tap* taps, int k) { return __ldg(&taps[k].offset); }

/// The value of a window at a tap (c, ky, kx), zero in the border. x: the image's first channel of the group.
template <Images kImages>
__device__ Factor window_value(const Shape32& s, const float* x, const Window& window, const Tap& tap) {
  if constexpr (kImages == Images::kInside) return {x + window.origin + tap.offset, true};
  const int row = window.top + tap.row;
  const int column = window.left + tap.column;
  const bool inside = static_cast<unsigned>(row) < static_cast<unsigned>(s.h) &&
                      static_cast<unsigned>(column) < static_cast<unsigned>(s.w);
  return {x + (inside ? window.origin + tap.offset : 0), inside};
}

/// What the problems share: which run and group a product of the grid is.
struct Layer {
  Shape32 s;
  ConvOperands operands;
  int run = 0, group = 0;

  __device__ void start(int product) {
    run = s.by_groups.quotient(product);
    group = product - run * s.groups;
  }
  /// Returns an image's channels of this group.
  __device__ float* x(int image) const {
    return operands.x.data + run * operands.x.stride +
           (static_cast<std::int64_t>(image) * s.c + group * s.channels) * s.plane;
  }
  __device__ float* y(int image) const {
    return operands.y.data + run * operands.y.stride +
           (static_cast<std::int64_t>(image) * s.o + group * s.filters) * s.pixels;
  }
  __device__ const float* w() const {
    return operands.w.data + run * operands.w.stride + static_cast<std::int64_t>(group) * s.filters * s.taps;
  }
  __device__ void finish(unsigned /*blocks_of_layer*/) const {}

  /// Values that a copy may bring where `pitch` separates the rows that it is from: four never cross a row's end then.
  __device__ static int step(int pitch) { return pitch % 4 == 0 ? 4 : 1; }
};

/// Products `all` of each sum in pieces of at least `least`, and no more than `most` of them.
[[nodiscard]] inline Pieces cut(std::int64_t all, std::int64_t least, std::int64_t most, const PieceSpace& space) {
  const std::int64_t depth = std::max(least, ceil_div(ceil_div(all, most), kDepth) * kDepth);
  return {static_cast<int>(ceil_div(all, depth)), static_cast<int>(depth), space};
}
/// Matrix products have few tiles and long sums. Convolutions have tiles enough: cut in four, LeNet's second one took
/// 26 instead of 30 us for one run, but 790 instead of 600 for 64 (H100). Not by the number of images: what comes of
/// one does not depend on those beside it.
[[nodiscard]] inline Pieces cut_data(Images images, std::int64_t depth, const PieceSpace& space) {
  return images == Images::kOnePixel && depth >= 256 ? cut(depth, 128, 8, space) : cut(depth, depth, 1, space);
}

/// What a product that is cut takes.
[[nodiscard]] inline PieceNeeds needs_of(std::int64_t rows, std::int64_t columns, std::int64_t groups,
                                         const Pieces& pieces) {
  if (pieces.count == 1) return {};
  return {groups * pieces.count * rows * columns, groups * counters_of(rows, columns)};
}

/// Calls launch.template operator()<Images>() with the constant that `images` is.
template <class Launch>
void with_images(Images images, const Launch& launch) {
  switch (images) {
    case Images::kOnePixel: return launch.template operator()<Images::kOnePixel>();
    case Images::kInside: return launch.template operator()<Images::kInside>();
    case Images::kPadded: return launch.template operator()<Images::kPadded>();
  }
}

}  // namespace qrun::cuda
