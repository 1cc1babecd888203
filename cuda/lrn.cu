// Local response normalization: a thread a value, which visits its neighbours.
#include "cuda/divisor.h"
#include "cuda/launch.cuh"
#include "cuda/lrn.h"

namespace qrun::cuda {
namespace {

/// Where values of a batch lie, and their neighbours.
struct Neighbours {
  int channels, rows, columns, over_channels, over_pixels;
  Divisor by_columns, by_rows, by_channels;

  Neighbours(const Shape& s, const Lrn& lrn)
      : channels(static_cast<int>(s.c)),
        rows(static_cast<int>(s.h)),
        columns(static_cast<int>(s.w)),
        over_channels(static_cast<int>(reach_over_channels(lrn))),
        over_pixels(static_cast<int>(reach_over_pixels(lrn))),
        by_columns(columns),
        by_rows(rows),
        by_channels(channels) {}

  /// Returns the sum of `term(place)` over the neighbours of a place.
  template <class Term>
  [[nodiscard]] __device__ double sum(int place, const Term& term) const {
    const int of_row = by_columns.quotient(place);
    const int column = place - of_row * columns;
    const int plane = by_rows.quotient(of_row);
    const int row = of_row - plane * rows;
    const int image = by_channels.quotient(plane);
    const int channel = plane - image * channels;
    const auto channels_end = static_cast<int>(neighbours_end(channel, over_channels, channels));
    const auto rows_end = static_cast<int>(neighbours_end(row, over_pixels, rows));
    const auto columns_end = static_cast<int>(neighbours_end(column, over_pixels, columns));
    double sum = 0.0;
    for (auto c = static_cast<int>(first_neighbour(channel, over_channels)); c < channels_end; ++c) {
      for (auto iy = static_cast<int>(first_neighbour(row, over_pixels)); iy < rows_end; ++iy) {
        const int line = ((image * channels + c) * rows + iy) * columns;
        for (auto ix = static_cast<int>(first_neighbour(column, over_pixels)); ix < columns_end; ++ix)
          sum += term(line + ix);
      }
    }
    return sum;
  }
};

__global__ void lrn_kernel(std::int64_t n, Neighbours s, Lrn lrn, LrnOperands o) {
  const int i = element();
  if (i >= n) return;
  const float* x = o.x.data + blockIdx.y * o.x.stride;
  const float scale = lrn_scale(lrn, s.sum(i, [x](int place) { return squared(x[place]); }));
  o.scale.data[blockIdx.y * o.scale.stride + i] = scale;
  o.y.data[blockIdx.y * o.y.stride + i] = lrn_value(lrn, x[i], scale);
}

__global__ void lrn_backward_kernel(std::int64_t n, Neighbours s, Lrn lrn, LrnOperands o) {
  const int i = element();
  if (i >= n) return;
  const float* y = o.y.data + blockIdx.y * o.y.stride;
  const float* dy = o.dy.data + blockIdx.y * o.dy.stride;
  const float* scale = o.scale.data + blockIdx.y * o.scale.stride;
  const double sum = s.sum(i, [=](int place) { return lrn_ratio(dy[place], y[place], scale[place]); });
  o.dx.data[blockIdx.y * o.dx.stride + i] =
      lrn_gradient(lrn, o.x.data[blockIdx.y * o.x.stride + i], dy[i], scale[i], sum);
}

}  // namespace

void lrn(const Scope& scope, const Shape& s, const Lrn& lrn, const LrnOperands& operands) {
  const std::int64_t n = scope.n * s.size();
  launch(scope.stream, elements_grid(n, scope.runs), lrn_kernel, n, Neighbours(s, lrn), lrn, operands);
}

void lrn_backward(const Scope& scope, const Shape& s, const Lrn& lrn, const LrnOperands& operands) {
  const std::int64_t n = scope.n * s.size();
  launch(scope.stream, elements_grid(n, scope.runs), lrn_backward_kernel, n, Neighbours(s, lrn), lrn, operands);
}

}  // namespace qrun::cuda
