// Convolution and its gradients as products, gathered from the images as they lie. A matrix product is the convolution
// of one pixel, where k is what lies side by side in memory.
#include "cuda/divisor.h"
#include "cuda/fitting.cuh"
#include "cuda/product.cuh"

namespace qrun::cuda {
namespace {

/// A ConvShape in the width that index arithmetic is done in; PackMemory has seen that it fits.
struct Shape32 {
  int c, h, w, o, k, stride, pad, groups, oh, ow, n;
  Divisor by_columns, by_pixels, by_width, by_plane, by_kernel, by_stride, by_groups;

  Shape32(const ConvShape& s, std::int64_t images)
      : c(static_cast<int>(s.c)),
        h(static_cast<int>(s.h)),
        w(static_cast<int>(s.w)),
        o(static_cast<int>(s.o)),
        k(static_cast<int>(s.k)),
        stride(static_cast<int>(s.stride)),
        pad(static_cast<int>(s.pad)),
        groups(static_cast<int>(s.groups)),
        oh(static_cast<int>(s.out_h())),
        ow(static_cast<int>(s.out_w())),
        n(static_cast<int>(images)),
        by_columns(ow),
        by_pixels(oh * ow),
        by_width(w),
        by_plane(h * w),
        by_kernel(k * k),
        by_stride(stride),
        by_groups(groups) {}
  [[nodiscard]] __host__ __device__ int channels() const { return by_groups.quotient(c); }
  [[nodiscard]] __host__ __device__ int filters() const { return by_groups.quotient(o); }
  [[nodiscard]] __host__ __device__ int taps() const { return channels() * k * k; }
  [[nodiscard]] __host__ __device__ int pixels() const { return oh * ow; }
  [[nodiscard]] __host__ __device__ bool is_product() const { return h * w == 1 && oh * ow == 1 && k == 1; }
};

/// A position of an output and what lies around it in the padded input.
struct Column {
  const float* x = nullptr;  // of the window's first value, were it inside
  int top = 0, left = 0;     // of the window
};

/// The value of a window at a tap (c, ky, kx), 0 in the border.
__device__ inline float window_value(const Shape32& s, const Column& column, const int* tap) {
  if (s.pad > 0) {
    const int y = column.top + tap[1];
    const int x = column.left + tap[2];
    if (y < 0 || y >= s.h || x < 0 || x >= s.w) return 0.0F;
  }
  return column.x[tap[0]];
}

/// The window of an output pixel of an image; x is the image's first channel of the group.
__device__ inline Column window_at(const Shape32& s, const float* x, int pixel) {
  const int row = s.by_columns.quotient(pixel);
  const int top = row * s.stride - s.pad;
  const int left = (pixel - row * s.ow) * s.stride - s.pad;
  return {x + static_cast<std::int64_t>(top) * s.w + left, top, left};
}

/// What the problems share: which run and group a layer of the grid is.
struct Layer {
  Shape32 s;
  ConvOperands operands;
  int run = 0, group = 0;

  __device__ void start(int layer) {
    run = s.by_groups.quotient(layer);
    group = layer - run * s.groups;
  }
  /// Of an image's channels of this group.
  __device__ float* x(int image) const {
    return operands.x.data + run * operands.x.stride +
           (static_cast<std::int64_t>(image) * s.c + group * s.channels()) * s.h * s.w;
  }
  __device__ float* y(int image) const {
    return operands.y.data + run * operands.y.stride +
           (static_cast<std::int64_t>(image) * s.o + group * s.filters()) * s.pixels();
  }
  __device__ const float* w() const {
    return operands.w.data + run * operands.w.stride + static_cast<std::int64_t>(group) * s.filters() * s.taps();
  }
  __device__ int begin() const { return 0; }
  __device__ void finish(unsigned /*blocks_of_layer*/) const {}
};

/// y[o, (n, oh, ow)] = sum over taps.
struct Forward : Layer {
  using Column = cuda::Column;
  Fitting fitting;
  unsigned largest = 0;  // of what this thread has stored, as the bits of |y|
  [[nodiscard]] __host__ __device__ int rows() const { return s.filters(); }
  [[nodiscard]] __host__ __device__ int columns() const { return s.n * s.pixels(); }
  __device__ int end() const { return s.taps(); }
  __device__ bool a_depth_first() const { return true; }
  __device__ bool b_depth_first() const { return s.is_product(); }
  __device__ Column column(int n) const {
    if (n >= columns()) return {};
    const int image = s.by_pixels.quotient(n);
    return window_at(s, x(image), n - image * s.pixels());
  }
  __device__ float a(int m, int k) const { return w()[m * s.taps() + k]; }
  __device__ float b(int k, const Column& column) const { return window_value(s, column, operands.taps + 3 * k); }
  __device__ void store(int m, int n, float sum) {
    const Tensor& bias = operands.b;
    if (bias.data != nullptr) sum += bias.data[run * bias.stride + group * s.filters() + m];
    const int image = s.by_pixels.quotient(n);
    y(image)[m * s.pixels() + n - image * s.pixels()] = sum;
    const unsigned bits = __float_as_uint(sum) & 0x7fffffffU;
    largest = largest > bits ? largest : bits;
  }
  __device__ void finish(unsigned blocks_of_layer) const {
    if (fitting.states != nullptr) fit_to_maxima(fitting, run, largest, blocks_of_layer * s.groups);
  }
};

/// dx[c, (n, h, w)] = sum over (o, ky, kx).
struct BackwardData : Layer {
  struct Column {
    const float* dy = nullptr;
    int y = 0, x = 0;  // in the padded image
  };
  [[nodiscard]] __host__ __device__ int rows() const { return s.channels(); }
  [[nodiscard]] __host__ __device__ int columns() const { return s.n * s.h * s.w; }
  __device__ int end() const { return s.filters() * s.k * s.k; }
  __device__ bool a_depth_first() const { return !s.is_product(); }
  __device__ bool b_depth_first() const { return s.is_product(); }
  __device__ Column column(int n) const {
    if (n >= columns()) return {};
    const int image = s.by_plane.quotient(n);
    const int pixel = n - image * s.h * s.w;
    const int row = s.by_width.quotient(pixel);
    return {y(image), row + s.pad, pixel - row * s.w + s.pad};
  }
  __device__ float a(int m, int k) const {
    const int filter = s.by_kernel.quotient(k);
    return w()[(filter * (s.channels() - 1) + m) * s.k * s.k + k];  // k counts a filter's kernels, too
  }
  __device__ float b(int k, const Column& column) const {
    const int filter = s.by_kernel.quotient(k);
    const int* tap = operands.taps + 3 * (k - filter * s.k * s.k);
    const int row = column.y - tap[1];
    const int col = column.x - tap[2];
    if (row < 0 || col < 0) return 0.0F;
    const int oy = s.by_stride.quotient(row);
    const int ox = s.by_stride.quotient(col);
    if (oy * s.stride != row || ox * s.stride != col || oy >= s.oh || ox >= s.ow) return 0.0F;
    return column.dy[(filter * s.oh + oy) * s.ow + ox];
  }
  __device__ void store(int m, int n, float sum) const {
    const int image = s.by_plane.quotient(n);
    x(image)[m * s.h * s.w + n - image * s.h * s.w] = sum;
  }
};

/// dw[o, (c, ky, kx)] = sum over a piece of the positions (n, oh, ow).
struct BackwardWeight : Layer {
  float* partial;  // [run][piece][weights]
  int pieces;
  int piece = 0;

  struct Column {
    const int* tap = nullptr;
  };
  __device__ void start(int layer) {
    piece = layer % pieces;
    Layer::start(layer / pieces);
  }
  [[nodiscard]] __host__ __device__ int rows() const { return s.filters(); }
  [[nodiscard]] __host__ __device__ int columns() const { return s.taps(); }
  __device__ int begin() const { return piece * static_cast<int>(kPositions); }
  __device__ int end() const {
    const int all = s.n * s.pixels();
    return all - begin() < kPositions ? all : begin() + static_cast<int>(kPositions);
  }
  __device__ bool a_depth_first() const { return !s.is_product(); }
  __device__ bool b_depth_first() const { return !s.is_product(); }
  __device__ Column column(int n) const { return {operands.taps + 3 * (n < columns() ? n : 0)}; }
  __device__ float a(int m, int k) const {
    const int image = s.by_pixels.quotient(k);
    return y(image)[m * s.pixels() + k - image * s.pixels()];
  }
  __device__ float b(int k, const Column& column) const {
    const int image = s.by_pixels.quotient(k);
    return window_value(s, window_at(s, x(image), k - image * s.pixels()), column.tap);
  }
  __device__ void store(int m, int n, float sum) const {
    const std::int64_t weights = static_cast<std::int64_t>(s.o) * s.taps();
    const std::int64_t at = (static_cast<std::int64_t>(group) * s.filters() + m) * s.taps() + n;
    partial[(static_cast<std::int64_t>(run) * pieces + piece) * weights + at] = sum;
  }
};

__global__ void add_pieces(std::int64_t weights, const float* partial, int pieces, Tensor dw) {
  const int i = element();
  if (i >= weights) return;
  const std::int64_t run = blockIdx.y;
  float sum = 0.0F;
  for (int piece = 0; piece < pieces; ++piece) sum += partial[(run * pieces + piece) * weights + i];
  dw.data[run * dw.stride + i] = sum;
}

/// db[o]: a block each.
__global__ void bias_gradient(int n, int pixels, Tensor dy, Tensor db) {
  const std::int64_t run = blockIdx.y;
  const float* from = dy.data + run * dy.stride + static_cast<std::int64_t>(blockIdx.x) * pixels;
  const std::int64_t image = static_cast<std::int64_t>(gridDim.x) * pixels;
  float mine = 0.0F;
  for (std::int64_t i = threadIdx.x; i < static_cast<std::int64_t>(n) * pixels; i += kThreads)
    mine += from[i / pixels * image + i % pixels];
  const float sum = block_reduce(mine, [](float a, float b) { return a + b; });
  if (threadIdx.x == 0) db.data[run * db.stride + blockIdx.x] = sum;
}

std::int64_t pieces_of(const ConvShape& s, std::int64_t n) { return ceil_div(n * s.out_h() * s.out_w(), kPositions); }

}  // namespace

std::int64_t weight_partials(const ConvShape& s, std::int64_t n) { return pieces_of(s, n) * s.weights(); }

void conv2d(const Scope& scope, const ConvShape& s, const ConvOperands& operands, const Fitting& fitting) {
  launch_product(scope, Forward{{Shape32(s, scope.n), operands}, fitting}, scope.runs * s.groups);
}

void conv2d_backward_data(const Scope& scope, const ConvShape& s, const ConvOperands& operands) {
  launch_product(scope, BackwardData{{Shape32(s, scope.n), operands}}, scope.runs * s.groups);
}

void conv2d_backward_weight(const Scope& scope, const ConvShape& s, const ConvOperands& operands, float* partial) {
  const auto pieces = static_cast<int>(pieces_of(s, scope.n));
  launch_product(scope, BackwardWeight{{Shape32(s, scope.n), operands}, partial, pieces},
                 scope.runs * s.groups * pieces);
  launch(scope.stream, elements_grid(s.weights(), scope.runs), add_pieces, s.weights(), partial, pieces, operands.w);
  if (operands.b.data == nullptr) return;
  launch(scope.stream, dim3(static_cast<unsigned>(s.o), static_cast<unsigned>(scope.runs)), bias_gradient,
         static_cast<int>(scope.n), static_cast<int>(s.out_h() * s.out_w()), operands.y, operands.b);
}

}  // namespace qrun::cuda
