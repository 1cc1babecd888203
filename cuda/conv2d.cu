// Convolution and its gradients as products, gathered from the images as they lie. A matrix product is the convolution
// of one pixel, where k is what lies side by side in memory.
#include "cuda/kernels.h"
#include "cuda/product.cuh"

namespace qrun::cuda {
namespace {

/// A ConvShape in the width that index arithmetic is done in.
struct Shape32 {
  int c, h, w, o, k, stride, pad, groups, oh, ow, n;

  Shape32(const ConvShape& s, std::int64_t images)
      : c(narrow(s.c)),
        h(narrow(s.h)),
        w(narrow(s.w)),
        o(narrow(s.o)),
        k(narrow(s.k)),
        stride(narrow(s.stride)),
        pad(narrow(s.pad)),
        groups(narrow(s.groups)),
        oh(narrow(s.out_h())),
        ow(narrow(s.out_w())),
        n(narrow(images)) {
    narrow(images * s.c * s.h * s.w);
    narrow(images * s.o * s.out_h() * s.out_w());
    narrow(s.weights());
  }
  [[nodiscard]] __host__ __device__ int channels() const { return c / groups; }
  [[nodiscard]] __host__ __device__ int filters() const { return o / groups; }
  [[nodiscard]] __host__ __device__ int taps() const { return channels() * k * k; }
  [[nodiscard]] __host__ __device__ int pixels() const { return oh * ow; }
  [[nodiscard]] __host__ __device__ bool is_product() const { return h * w == 1 && oh * ow == 1 && k == 1; }

 private:
  static int narrow(std::int64_t v) {
    if (v > 0x7fffffff) throw Error("cuda: a tensor of over 2^31 values in a batch; use a smaller batch_size");
    return static_cast<int>(v);
  }
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
  const int top = pixel / s.ow * s.stride - s.pad;
  const int left = pixel % s.ow * s.stride - s.pad;
  return {x + static_cast<std::int64_t>(top) * s.w + left, top, left};
}

/// What the problems share: which run and group a layer of the grid is.
struct Layer {
  Shape32 s;
  ConvOperands operands;
  int run = 0, group = 0;

  __device__ void start(int layer) {
    run = layer / s.groups;
    group = layer % s.groups;
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
};

/// y[o, (n, oh, ow)] = sum over taps.
struct Forward : Layer {
  using Column = cuda::Column;
  [[nodiscard]] __host__ __device__ int rows() const { return s.filters(); }
  [[nodiscard]] __host__ __device__ int columns() const { return s.n * s.pixels(); }
  __device__ int end() const { return s.taps(); }
  __device__ bool a_depth_first() const { return true; }
  __device__ bool b_depth_first() const { return s.is_product(); }
  __device__ Column column(int n) const {
    return n < columns() ? window_at(s, x(n / s.pixels()), n % s.pixels()) : Column{};
  }
  __device__ float a(int m, int k) const { return w()[m * s.taps() + k]; }
  __device__ float b(int k, const Column& column) const { return window_value(s, column, operands.taps + 3 * k); }
  __device__ void store(int m, int n, float sum) const {
    const Tensor& bias = operands.b;
    if (bias.data != nullptr) sum += bias.data[run * bias.stride + group * s.filters() + m];
    y(n / s.pixels())[m * s.pixels() + n % s.pixels()] = sum;
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
    const int pixel = n % (s.h * s.w);
    return n < columns() ? Column{y(n / (s.h * s.w)), pixel / s.w + s.pad, pixel % s.w + s.pad} : Column{};
  }
  __device__ float a(int m, int k) const {
    const int tap = k % (s.k * s.k);
    return w()[(k / (s.k * s.k) * s.channels() + m) * s.k * s.k + tap];
  }
  __device__ float b(int k, const Column& column) const {
    const int* tap = operands.taps + 3 * (k % (s.k * s.k));
    const int row = column.y - tap[1];
    const int col = column.x - tap[2];
    if (row < 0 || col < 0 || row % s.stride != 0 || col % s.stride != 0) return 0.0F;
    const int oy = row / s.stride;
    const int ox = col / s.stride;
    if (oy >= s.oh || ox >= s.ow) return 0.0F;
    return column.dy[(k / (s.k * s.k) * s.oh + oy) * s.ow + ox];
  }
  __device__ void store(int m, int n, float sum) const {
    const int plane = s.h * s.w;
    x(n / plane)[m * plane + n % plane] = sum;
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
  __device__ float a(int m, int k) const { return y(k / s.pixels())[m * s.pixels() + k % s.pixels()]; }
  __device__ float b(int k, const Column& column) const {
    return window_value(s, window_at(s, x(k / s.pixels()), k % s.pixels()), column.tap);
  }
  __device__ void store(int m, int n, float sum) const {
    const std::int64_t weights = static_cast<std::int64_t>(s.o) * s.taps();
    const std::int64_t at = (static_cast<std::int64_t>(group) * s.filters() + m) * s.taps() + n;
    partial[(static_cast<std::int64_t>(run) * pieces + piece) * weights + at] = sum;
  }
};

__global__ void add_pieces(std::int64_t weights, const float* partial, int pieces, Tensor dw) {
  const std::int64_t i = element();
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

void conv2d(const Scope& scope, const ConvShape& s, const ConvOperands& operands) {
  launch_product(scope.stream, Forward{{Shape32(s, scope.n), operands}}, scope.runs * s.groups);
}

void conv2d_backward_data(const Scope& scope, const ConvShape& s, const ConvOperands& operands) {
  launch_product(scope.stream, BackwardData{{Shape32(s, scope.n), operands}}, scope.runs * s.groups);
}

void conv2d_backward_weight(const Scope& scope, const ConvShape& s, const ConvOperands& operands, float* partial) {
  const auto pieces = static_cast<int>(pieces_of(s, scope.n));
  launch_product(scope.stream, BackwardWeight{{Shape32(s, scope.n), operands}, partial, pieces},
                 scope.runs * s.groups * pieces);
  launch(scope.stream, elements_grid(s.weights(), scope.runs), add_pieces, s.weights(), partial, pieces, operands.w);
  if (operands.b.data == nullptr) return;
  launch(scope.stream, dim3(static_cast<unsigned>(s.o), static_cast<unsigned>(scope.runs)), bias_gradient,
         static_cast<int>(scope.n), static_cast<int>(s.out_h() * s.out_w()), operands.y, operands.b);
}

}  // namespace qrun::cuda
