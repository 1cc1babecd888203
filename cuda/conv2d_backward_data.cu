// The gradient of a convolution's input: dx[c, (n, h, w)] = sum over (o, ky, kx) of w dy, where the tap meets the
// pixel.
#include "cuda/conv2d.cuh"
#include "cuda/depthwise_conv2d.h"
#include "cuda/direct_conv2d.h"

namespace qrun::cuda {
namespace {

template <Images kImages>
struct BackwardData : Layer {
  static constexpr bool kOnePixel = kImages == Images::kOnePixel;
  static constexpr bool kAAlongDepth = !kOnePixel, kBAlongDepth = kOnePixel;
  static constexpr bool kMayBeWhole = kOnePixel;
  struct Column {
    const float* dy = nullptr;
    int y = 0, x = 0;  // in the padded image
  };
  [[nodiscard]] __host__ __device__ int rows() const { return s.channels; }
  [[nodiscard]] __host__ __device__ int columns() const { return s.n * s.plane; }
  [[nodiscard]] __host__ __device__ int depth() const { return s.filters * s.k.size(); }
  __device__ const float* a() const { return w(); }
  __device__ int a_row() const { return s.k.size(); }
  __device__ int a_offset(int k) const {
    if constexpr (kOnePixel) return k * s.channels;
    return s.by_kernel.quotient(k) * (s.channels - 1) * s.k.size() + k;
  }
  __device__ int a_step() const { return kOnePixel ? step(s.channels) : 1; }
  __device__ int b_step() const { return kOnePixel ? step(s.filters) : 1; }
  __device__ Column column(int n) const {
    if (n >= columns()) n = columns() - 1;
    const int image = s.by_plane.quotient(n);
    const int pixel = n - image * s.plane;
    const int row = s.by_width.quotient(pixel);
    return {y(image), row + s.pad.h, pixel - row * s.w + s.pad.w};
  }
  __device__ Factor b(int k, const Column& column) const {
    if constexpr (kOnePixel) return {column.dy + k, true};
    const Tap tap = tap_at(operands.taps, k);  // (filter's offset, row, column) of a table of its own
    const int row = column.y - tap.row;
    const int col = column.x - tap.column;
    const int oy = s.by_stride_h.quotient(row);
    const int ox = s.by_stride_w.quotient(col);
    const bool inside = (row | col) >= 0 && oy * s.stride.h == row && ox * s.stride.w == col && oy < s.oh && ox < s.ow;
    return {column.dy + (inside ? tap.offset + oy * s.ow + ox : 0), inside};
  }
  __device__ void store(int m, int n, float sum) const {
    const int image = s.by_plane.quotient(n);
    x(image)[m * s.plane + n - image * s.plane] = sum;
  }
};

/// The gradient of the images in two steps, where they are larger than what comes out of them. The first makes
/// columns[(c, ky, kx), (n, oh, ow)] = sum over o.
struct DataColumns : Layer {
  static constexpr bool kAAlongDepth = false, kBAlongDepth = false;
  static constexpr bool kMayBeWhole = false;
  struct Column {
    const float* dy = nullptr;
  };
  [[nodiscard]] __host__ __device__ int rows() const { return s.taps; }
  [[nodiscard]] __host__ __device__ int columns() const { return s.n * s.pixels; }
  [[nodiscard]] __host__ __device__ int depth() const { return s.filters; }
  __device__ const float* a() const { return w(); }
  __device__ int a_row() const { return 1; }
  __device__ int a_offset(int k) const { return k * s.taps; }
  __device__ int a_step() const { return step(s.taps); }
  __device__ int b_step() const { return step(s.pixels); }
  __device__ Column column(int n) const {
    if (n >= columns()) n = columns() - b_step();
    const int image = s.by_pixels.quotient(n);
    return {y(image) + n - image * s.pixels};
  }
  __device__ Factor b(int k, const Column& column) const { return {column.dy + k * s.pixels, true}; }
  __device__ void store(int m, int n, float sum) const {
    const std::int64_t product = static_cast<std::int64_t>(run) * s.groups + group;
    operands.space.sums[(product * rows() + m) * columns() + n] = sum;
  }
};

/// Adds up columns: dx[c, (n, h, w)] = sum over (ky, kx), in order. A thread an element. kKernel: height and width of
/// kernels where they are known, so that all loads of a row of taps are under way at once; else 0.
template <int kKernel>
__global__ void add_columns_kernel(Shape32 s, const float* columns, Tensor dx) {
  const int i = element();
  const int plane = s.by_plane.quotient(i);
  const int image = s.by_channels.quotient(plane);
  if (image >= s.n) return;
  const int channel = plane - image * s.c;
  const int pixel = i - plane * s.plane;
  const int y = s.by_width.quotient(pixel);
  const int x = pixel - y * s.w;
  const int kernel_rows = kKernel > 0 ? kKernel : s.k.h;
  const int kernel_columns = kKernel > 0 ? kKernel : s.k.w;
  const std::int64_t all = static_cast<std::int64_t>(s.n) * s.pixels;
  const float* from = columns + (static_cast<std::int64_t>(blockIdx.y) * s.c + channel) * s.k.size() * all +
                      static_cast<std::int64_t>(image) * s.pixels;
  float sum = 0.0F;
#pragma unroll
  for (int ky = 0; ky < kernel_rows; ++ky) {
    const int row = y + s.pad.h - ky * s.dilation.h;
    const int oy = s.by_stride_h.quotient(row > 0 ? row : 0);
    const bool has_row = row >= 0 && oy * s.stride.h == row && oy < s.oh;
#pragma unroll
    for (int kx = 0; kx < kernel_columns; ++kx) {
      const int column = x + s.pad.w - kx * s.dilation.w;
      const int ox = s.by_stride_w.quotient(column > 0 ? column : 0);
      const bool inside = has_row && column >= 0 && ox * s.stride.w == column && ox < s.ow;
      const float v = __ldg(from + (inside ? oy * s.ow + ox : 0));
      sum += inside ? v : 0.0F;
      from += all;
    }
  }
  dx.data[blockIdx.y * dx.stride + i] = sum;
}

/// True where the two steps are less work.
bool takes_columns(const ConvShape& s) { return s.k.size() > 1 && 4 * s.h * s.w >= 5 * s.out_h() * s.out_w(); }

}  // namespace

PieceNeeds conv2d_backward_data_needs(const ConvShape& s, std::int64_t n) {
  if (s.is_depthwise() || has_direct_conv2d(s)) return {};
  if (takes_columns(s)) return {s.c * s.k.size() * n * s.out_h() * s.out_w(), 0};
  return needs_of(s.c / s.groups, n * s.h * s.w, s.groups, cut_data(images_of(s), s.o / s.groups * s.k.size(), {}));
}

void conv2d_backward_data(const Scope& scope, const ConvShape& s, const ConvOperands& operands) {
  if (s.is_depthwise()) return depthwise_conv2d_backward_data(scope, s, operands);
  if (has_direct_conv2d(s)) return direct_conv2d_backward_data(scope, s, operands);
  const Shape32 s32(s, scope.n);
  const auto launch_it = [&](const auto& problem) {
    launch_product(scope, problem, scope.runs * s.groups, cut_data(images_of(s), problem.depth(), operands.space));
  };
  if (images_of(s) == Images::kOnePixel) return launch_it(BackwardData<Images::kOnePixel>{{s32, operands}});
  if (!takes_columns(s)) return launch_it(BackwardData<Images::kPadded>{{s32, operands}});
  launch_product(scope, DataColumns{{s32, operands}}, scope.runs * s.groups, {1, s32.filters, {}});
  const auto add = s.k == 3 ? add_columns_kernel<3> : s.k == 5 ? add_columns_kernel<5> : add_columns_kernel<0>;
  launch(scope.stream, elements_grid(scope.n * s.c * s.h * s.w, scope.runs), add, s32,
         static_cast<const float*>(operands.space.sums), operands.x);
}

}  // namespace qrun::cuda
