// Pooling: a thread an output, or an input of the gradient.
#include <algorithm>

#include "cuda/divisor.h"
#include "cuda/kernels.h"
#include "cuda/launch.cuh"
#include "math/pool.h"
#include "quant/all.h"

namespace qrun::cuda {
namespace {

PoolSide<int> side32(const PoolSide<std::int64_t>& side) {
  return {static_cast<int>(side.size), static_cast<int>(side.k), static_cast<int>(side.stride),
          static_cast<int>(side.pad)};
}

struct Pool32 {
  PoolSide<int> rows, columns;
  int h, w, oh, ow;
  Divisor by_plane, by_width, by_pixels, by_columns, by_row_stride, by_column_stride;
  explicit Pool32(const PoolShape& s)
      : rows(side32(s.rows())),
        columns(side32(s.columns())),
        h(rows.size),
        w(columns.size),
        oh(static_cast<int>(s.out_h())),
        ow(static_cast<int>(s.out_w())),
        by_plane(h * w),
        by_width(w),
        by_pixels(oh * ow),
        by_columns(ow),
        by_row_stride(rows.stride),
        by_column_stride(columns.stride) {}

  /// The windows that hold a position.
  [[nodiscard]] __device__ Span<int> rows_with(int row) const { return windows_with(row, rows, by_row_stride, oh); }
  [[nodiscard]] __device__ Span<int> columns_with(int column) const {
    return windows_with(column, columns, by_column_stride, ow);
  }

 private:
  __device__ static Span<int> windows_with(int position, const PoolSide<int>& side, const Divisor& by_stride,
                                           int outs) {
    const int at = position + side.pad;
    const int last = by_stride.quotient(at);
    return {at < side.k ? 0 : by_stride.quotient(at - side.k) + 1, last < outs ? last + 1 : outs};
  }
};

/// An element of planes that lie side by side.
struct Place {
  int plane, row, column;
};
__device__ inline Place place_in(int i, const Divisor& by_plane, const Divisor& by_width) {
  const int plane = by_plane.quotient(i);
  const int at = i - plane * by_plane.value();
  const int row = by_width.quotient(at);
  return {plane, row, at - row * by_width.value()};
}

/// What a run's quantizer makes of a value.
struct AsItIs {
  __device__ float operator()(float v) const { return v; }
};
template <class Q>
struct Quantized {
  QParams params;
  __device__ float operator()(float v) const { return decode(Q::code(v, params), params); }
};

template <class Value>
__device__ void max_of_window(const Pool32& s, const float* plane, const Place& out, const Value& value, float& best,
                              int& where) {
  const Span<int> rows = window_of(s.rows, out.row);
  const Span<int> columns = window_of(s.columns, out.column);
  where = rows.begin * s.w + columns.begin;
  best = value(plane[where]);
  for (int y = rows.begin; y < rows.end; ++y) {
    for (int x = columns.begin; x < columns.end; ++x) {
      const float v = value(plane[y * s.w + x]);
      if (v > best) {
        best = v;
        where = y * s.w + x;
      }
    }
  }
}

__global__ void max_pool2d_kernel(std::int64_t n, Pool32 s, Tensor x, Tensor y, Argmax argmax,
                                  const ActivationState* states) {
  const int i = element();
  if (i >= n) return;
  const unsigned run = blockIdx.y;
  const Place out = place_in(i, s.by_pixels, s.by_columns);
  const float* plane = x.data + run * x.stride + out.plane * s.h * s.w;
  float best = 0.0F;
  int where = 0;
  const int method = states == nullptr ? kNoQuantizer : states[run].settings.method;
  if (method == kNoQuantizer) max_of_window(s, plane, out, AsItIs{}, best, where);
  AllQuantizers::visit(method,
                       [&]<class Q>() { max_of_window(s, plane, out, Quantized<Q>{states[run].params}, best, where); });
  y.data[run * y.stride + i] = best;
  argmax.data[run * argmax.stride + i] = where;
}

/// Each thread takes an input: it adds the gradients of the windows that chose it, in order.
__global__ void max_pool2d_backward_kernel(std::int64_t n, Pool32 s, Tensor x, Tensor dy, Argmax argmax, Tensor dx,
                                           const ActivationState* states) {
  const int i = element();
  if (i >= n) return;
  const unsigned run = blockIdx.y;
  const Place in = place_in(i, s.by_plane, s.by_width);
  const int position = in.row * s.w + in.column;
  const int out = in.plane * s.oh * s.ow;
  const Span<int> rows = s.rows_with(in.row);
  const Span<int> columns = s.columns_with(in.column);
  float sum = 0.0F;
  for (int oy = rows.begin; oy < rows.end; ++oy) {
    for (int ox = columns.begin; ox < columns.end; ++ox) {
      const int at = out + oy * s.ow + ox;
      if (argmax.data[run * argmax.stride + at] == position) sum += dy.data[run * dy.stride + at];
    }
  }
  if (states != nullptr && states[run].settings.masks()) {
    AllQuantizers::visit(states[run].settings.method, [&]<class Q>() {
      if (Q::saturates(x.data[run * x.stride + i], states[run].params)) sum = 0.0F;
    });
  }
  dx.data[run * dx.stride + i] = sum;
}

/// Parts of the size of a stride, each of which one window at most reads, where windows do not overlap.
struct Cells {
  int rows, columns;
  Divisor by_plane, by_columns;
  explicit Cells(const PoolShape& s)
      : rows(static_cast<int>(std::max(ceil_div(s.h, s.stride.h), s.out_h()))),
        columns(static_cast<int>(std::max(ceil_div(s.w, s.stride.w), s.out_w()))),
        by_plane(rows * columns),
        by_columns(columns) {}
};

/// Does what max_pool2d_backward_kernel() does with a thread a cell, which reads its window's gradient once.
__global__ void max_pool2d_backward_cells_kernel(std::int64_t n, Pool32 s, Cells cells, Tensor x, Tensor dy,
                                                 Argmax argmax, Tensor dx, const ActivationState* states) {
  const int i = element();
  if (i >= n) return;
  const unsigned run = blockIdx.y;
  const Place cell = place_in(i, cells.by_plane, cells.by_columns);
  const bool has_window = cell.row < s.oh && cell.column < s.ow;
  const int at = (cell.plane * s.oh + cell.row) * s.ow + cell.column;
  int chosen = has_window ? argmax.data[run * argmax.stride + at] : -1;
  const float gradient = has_window ? dy.data[run * dy.stride + at] : 0.0F;
  const std::int64_t plane = static_cast<std::int64_t>(cell.plane) * s.h * s.w;
  if (states != nullptr && chosen >= 0 && states[run].settings.masks()) {
    AllQuantizers::visit(states[run].settings.method, [&]<class Q>() {
      if (Q::saturates(x.data[run * x.stride + plane + chosen], states[run].params)) chosen = -1;
    });
  }
  float* to = dx.data + run * dx.stride + plane;
  const int top = cell.row * s.rows.stride;
  const int left = cell.column * s.columns.stride;
  const int bottom = top + s.rows.stride < s.h ? top + s.rows.stride : s.h;
  const int right = left + s.columns.stride < s.w ? left + s.columns.stride : s.w;
  for (int row = top; row < bottom; ++row) {
    for (int column = left; column < right; ++column)
      to[row * s.w + column] = row * s.w + column == chosen ? gradient : 0.0F;
  }
}

__global__ void avg_pool2d_kernel(std::int64_t n, Pool32 s, bool count_include_pad, Tensor x, Tensor y) {
  const int i = element();
  if (i >= n) return;
  const Place out = place_in(i, s.by_pixels, s.by_columns);
  const float* plane = x.data + blockIdx.y * x.stride + out.plane * s.h * s.w;
  const Span<int> rows = window_of(s.rows, out.row);
  const Span<int> columns = window_of(s.columns, out.column);
  float sum = 0.0F;
  for (int row = rows.begin; row < rows.end; ++row) {
    for (int column = columns.begin; column < columns.end; ++column) sum += plane[row * s.w + column];
  }
  y.data[blockIdx.y * y.stride + i] = sum / window_divisor(s.rows, s.columns, out.row, out.column, count_include_pad);
}

__global__ void avg_pool2d_backward_kernel(std::int64_t n, Pool32 s, bool count_include_pad, Tensor dy, Tensor dx) {
  const int i = element();
  if (i >= n) return;
  const Place in = place_in(i, s.by_plane, s.by_width);
  const float* from = dy.data + blockIdx.y * dy.stride + in.plane * s.oh * s.ow;
  const Span<int> rows = s.rows_with(in.row);
  const Span<int> columns = s.columns_with(in.column);
  float sum = 0.0F;
  for (int oy = rows.begin; oy < rows.end; ++oy) {
    for (int ox = columns.begin; ox < columns.end; ++ox)
      sum += from[oy * s.ow + ox] / window_divisor(s.rows, s.columns, oy, ox, count_include_pad);
  }
  dx.data[blockIdx.y * dx.stride + i] = sum;
}

}  // namespace

void max_pool2d(const Scope& scope, const PoolShape& s, Tensor x, Tensor y, Argmax argmax,
                const ActivationState* states) {
  const std::int64_t n = scope.n * s.c * s.out_h() * s.out_w();
  launch(scope.stream, elements_grid(n, scope.runs), max_pool2d_kernel, n, Pool32(s), x, y, argmax, states);
}

void max_pool2d_backward(const Scope& scope, const PoolShape& s, Tensor x, Tensor dy, Argmax argmax, Tensor dx,
                         const ActivationState* states) {
  if (s.k.h <= s.stride.h && s.k.w <= s.stride.w && s.pad == 0) {
    const Cells cells(s);
    const std::int64_t n = scope.n * s.c * cells.rows * cells.columns;
    return launch(scope.stream, elements_grid(n, scope.runs), max_pool2d_backward_cells_kernel, n, Pool32(s), cells, x,
                  dy, argmax, dx, states);
  }
  const std::int64_t n = scope.n * s.c * s.h * s.w;
  launch(scope.stream, elements_grid(n, scope.runs), max_pool2d_backward_kernel, n, Pool32(s), x, dy, argmax, dx,
         states);
}

void avg_pool2d(const Scope& scope, const PoolShape& s, bool count_include_pad, Tensor x, Tensor y) {
  const std::int64_t n = scope.n * s.c * s.out_h() * s.out_w();
  launch(scope.stream, elements_grid(n, scope.runs), avg_pool2d_kernel, n, Pool32(s), count_include_pad, x, y);
}

void avg_pool2d_backward(const Scope& scope, const PoolShape& s, bool count_include_pad, Tensor dy, Tensor dx) {
  const std::int64_t n = scope.n * s.c * s.h * s.w;
  launch(scope.stream, elements_grid(n, scope.runs), avg_pool2d_backward_kernel, n, Pool32(s), count_include_pad, dy,
         dx);
}

}  // namespace qrun::cuda
