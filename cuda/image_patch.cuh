// Rows of images in shared memory, with the zeros around them, two stages of them: one is on its way while a block
// computes with the other.
#pragma once

#include "cuda/copy_async.cuh"
#include "cuda/divisor.h"
#include "cuda/launch.cuh"

namespace qrun::cuda {

inline constexpr int kStageFloats = 5632;  // of shared memory; two of them leave room for what blocks share beside

/// Where a plane of an image lies; outside the batch it is zero.
struct Plane {
  const float* at;
  bool inside;
};

/// `planes` times `rows` rows of `pitch` floats in shared memory, planes `plane_pitch` apart, of planes of h x w values
/// with `pad` zeros on each side.
struct Patch {
  int planes = 0, rows = 0, pitch = 0, plane_pitch = 0;
  int h = 0, w = 0, pad = 0;
  int step = 1;  // floats of a copy: four where four never cross a border
  Divisor by_copies, by_rows;

  Patch() = default;
  Patch(int planes_, int rows_, int pitch_, int plane_pitch_, int h_, int w_, int pad_)
      : planes(planes_),
        rows(rows_),
        pitch(pitch_),
        plane_pitch(plane_pitch_),
        h(h_),
        w(w_),
        pad(pad_),
        step(w_ % 4 == 0 && pad_ % 4 == 0 && pitch_ % 4 == 0 ? 4 : 1),
        by_copies(pitch_ / step),
        by_rows(rows_) {}

  [[nodiscard]] QRUN_HD int size() const { return planes * plane_pitch; }

  /// Starts to bring the rows from `first` on, by all threads of a block: each has a place in rows, and goes from row to
  /// row.
  template <class PlaneOf>
  __device__ void bring(float* to, int first, const PlaneOf& plane_of) const {
    if (step == 4) return bring_by<4>(to, first, plane_of);
    bring_by<1>(to, first, plane_of);
  }

 private:
  template <int kStep, class PlaneOf>
  __device__ void bring_by(float* to, int first, const PlaneOf& plane_of) const {
    const int copies = by_copies.value();
    const int at_once = by_copies.quotient(static_cast<int>(kThreads));  // rows that the block has under way
    const int begin = by_copies.quotient(static_cast<int>(threadIdx.x));
    const int column = (static_cast<int>(threadIdx.x) - begin * copies) * kStep;
    const int x = column - pad;
    const bool has_column = static_cast<unsigned>(x) < static_cast<unsigned>(w);
    if (begin >= at_once) return;
#pragma unroll 2
    for (int line = begin; line < planes * rows; line += at_once) {
      const int plane = by_rows.quotient(line);
      const int row = line - plane * rows;
      const Plane from = plane_of(plane);
      const int y = first + row;
      const bool inside = from.inside && has_column && static_cast<unsigned>(y) < static_cast<unsigned>(h);
      float* const place = to + plane * plane_pitch + row * pitch + column;
      const float* const at = from.at + (inside ? y * w + x : 0);
      if constexpr (kStep == 4) {
        copy_four_async(place, at, inside);
      } else {
        copy_async(place, at, inside);
      }
    }
  }
};

/// Loads kCount values that begin at a multiple of four.
template <int kCount>
__device__ inline void load_row(float (&to)[kCount], const float* from) {
  static_assert(kCount % 4 == 0);
#pragma unroll
  for (int i = 0; i < kCount; i += 4) {
    const float4 four = *reinterpret_cast<const float4*>(from + i);
    to[i] = four.x;
    to[i + 1] = four.y;
    to[i + 2] = four.z;
    to[i + 3] = four.w;
  }
}

}  // namespace qrun::cuda
