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
  Divisor by_columns, by_pixels, by_width, by_plane, by_kernel, by_stride, by_groups, by_channels;

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
        by_groups(groups),
        by_channels(c) {}
  [[nodiscard]] __host__ __device__ int channels() const { return by_groups.quotient(c); }
  [[nodiscard]] __host__ __device__ int filters() const { return by_groups.quotient(o); }
  [[nodiscard]] __host__ __device__ int taps() const { return channels() * k * k; }
  [[nodiscard]] __host__ __device__ int pixels() const { return oh * ow; }
};

/// A position of an output and what lies around it in the padded input.
struct Column {
  const float* x = nullptr;  // the image's first channel of the group
  int origin = 0;            // of the window's first value, were it inside
  int top = 0, left = 0;     // of the window
};
__device__ inline Tap tap_at(const Tap* taps, int k) {
  const int4 tap = __ldg(reinterpret_cast<const int4*>(taps) + k);
  return {tap.x, tap.y, tap.z, 0};
}
/// The value of a window at a tap (c, ky, kx), 0 in the border.
__device__ inline Factor window_value(const Shape32& s, const Column& column, const Tap& tap) {
  const int y = column.top + tap.ky;
  const int x = column.left + tap.kx;
  const bool inside = static_cast<unsigned>(y) < static_cast<unsigned>(s.h) && static_cast<unsigned>(x) < static_cast<unsigned>(s.w);
  return {column.x + (inside ? column.origin + tap.offset : 0), inside};
}
__device__ inline Column window_at(const Shape32& s, const float* x, int pixel) {
  const int row = s.by_columns.quotient(pixel);
  const int top = row * s.stride - s.pad;
  const int left = (pixel - row * s.ow) * s.stride - s.pad;
  return {x, top * s.w + left, top, left};
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
  __device__ void finish(unsigned /*blocks_of_layer*/) const {}
};

/// y[o, (n, oh, ow)] = sum over taps.
template <bool kProduct>
struct Forward : Layer {
  static constexpr bool kADepthFirst = true, kBDepthFirst = kProduct;
  using Column = cuda::Column;
  Fitting fitting;
  unsigned largest = 0;  // of what this thread has stored, as the bits of |y|
  [[nodiscard]] __host__ __device__ int rows() const { return s.filters(); }
  [[nodiscard]] __host__ __device__ int columns() const { return s.n * s.pixels(); }
  [[nodiscard]] __host__ __device__ int depth() const { return s.taps(); }
  __device__ Column column(int n) const {
    if (n >= columns()) n = columns() - 1;
    const int image = s.by_pixels.quotient(n);
    return window_at(s, x(image), n - image * s.pixels());
  }
  __device__ const float* a(int m, int k) const { return w() + m * s.taps() + k; }
  __device__ Factor b(int k, const Column& column) const {
    if constexpr (kProduct) return {column.x + k, true};
    return window_value(s, column, tap_at(operands.taps, k));
  }
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
template <bool kProduct>
struct BackwardData : Layer {
  static constexpr bool kADepthFirst = !kProduct, kBDepthFirst = kProduct;
  struct Column {
    const float* dy = nullptr;
    int y = 0, x = 0;  // in the padded image
  };
  [[nodiscard]] __host__ __device__ int rows() const { return s.channels(); }
  [[nodiscard]] __host__ __device__ int columns() const { return s.n * s.h * s.w; }
  [[nodiscard]] __host__ __device__ int depth() const { return s.filters() * s.k * s.k; }
  __device__ Column column(int n) const {
    if (n >= columns()) n = columns() - 1;
    const int image = s.by_plane.quotient(n);
    const int pixel = n - image * s.h * s.w;
    const int row = s.by_width.quotient(pixel);
    return {y(image), row + s.pad, pixel - row * s.w + s.pad};
  }
  __device__ const float* a(int m, int k) const {
    if constexpr (kProduct) return w() + k * s.channels() + m;
    const int filter = s.by_kernel.quotient(k);
    return w() + (filter * (s.channels() - 1) + m) * s.k * s.k + k;
  }
  __device__ Factor b(int k, const Column& column) const {
    if constexpr (kProduct) return {column.dy + k, true};
    const Tap tap = tap_at(operands.taps, k);  // (filter's offset, ky, kx) of a table of its own
    const int row = column.y - tap.ky;
    const int col = column.x - tap.kx;
    const int oy = s.by_stride.quotient(row);
    const int ox = s.by_stride.quotient(col);
    const bool inside = (row | col) >= 0 && oy * s.stride == row && ox * s.stride == col && oy < s.oh && ox < s.ow;
    return {column.dy + (inside ? tap.offset + oy * s.ow + ox : 0), inside};
  }
  __device__ void store(int m, int n, float sum) const {
    const int image = s.by_plane.quotient(n);
    x(image)[m * s.h * s.w + n - image * s.h * s.w] = sum;
  }
};

/// The same in two steps, for images that are larger than what comes out of them: here
/// columns[(c, ky, kx), (n, oh, ow)] = sum over o.
struct DataColumns : Layer {
  static constexpr bool kADepthFirst = false, kBDepthFirst = false;
  struct Column {
    const float* dy = nullptr;
  };
  [[nodiscard]] __host__ __device__ int rows() const { return s.taps(); }
  [[nodiscard]] __host__ __device__ int columns() const { return s.n * s.pixels(); }
  [[nodiscard]] __host__ __device__ int depth() const { return s.filters(); }
  __device__ Column column(int n) const {
    if (n >= columns()) n = columns() - 1;
    const int image = s.by_pixels.quotient(n);
    return {y(image) + n - image * s.pixels()};
  }
  __device__ const float* a(int m, int k) const { return w() + k * s.taps() + m; }
  __device__ Factor b(int k, const Column& column) const { return {column.dy + k * s.pixels(), true}; }
  __device__ void store(int m, int n, float sum) const {
    const std::int64_t product = static_cast<std::int64_t>(run) * s.groups + group;
    operands.space.sums[(product * rows() + m) * columns() + n] = sum;
  }
};

/// And then dx[c, (n, h, w)] = sum over (ky, kx), in order. A thread an element.
__global__ void add_columns_kernel(Shape32 s, const float* columns, Tensor dx) {
  const int i = element();
  const int plane = s.by_plane.quotient(i);
  const int image = s.by_channels.quotient(plane);
  if (image >= s.n) return;
  const int channel = plane - image * s.c;
  const int pixel = i - plane * s.h * s.w;
  const int y = s.by_width.quotient(pixel);
  const int x = pixel - y * s.w;
  const std::int64_t all = static_cast<std::int64_t>(s.n) * s.pixels();
  const float* of_channel = columns + (static_cast<std::int64_t>(blockIdx.y) * s.c + channel) * s.k * s.k * all +
                            static_cast<std::int64_t>(image) * s.pixels();
  float sum = 0.0F;
  for (int ky = 0; ky < s.k; ++ky) {
    const int row = y + s.pad - ky;
    const int oy = s.by_stride.quotient(row > 0 ? row : 0);
    if (row < 0 || oy * s.stride != row || oy >= s.oh) continue;
    for (int kx = 0; kx < s.k; ++kx) {
      const int col = x + s.pad - kx;
      const int ox = s.by_stride.quotient(col > 0 ? col : 0);
      if (col < 0 || ox * s.stride != col || ox >= s.ow) continue;
      sum += __ldg(of_channel + (ky * s.k + kx) * all + oy * s.ow + ox);
    }
  }
  dx.data[blockIdx.y * dx.stride + i] = sum;
}

__device__ const float kOne = 1.0F;  // the input of a bias, where copies can start

/// dw[o, (c, ky, kx)] = sum over the positions (n, oh, ow).
template <bool kProduct>
struct BackwardWeight : Layer {
  static constexpr bool kADepthFirst = !kProduct, kBDepthFirst = !kProduct;
  bool with_bias;  // its gradient is that of a weight whose input is 1

  struct Column {
    Tap tap;
    int n;
    bool is_bias;
  };
  [[nodiscard]] __host__ __device__ int rows() const { return s.filters(); }
  [[nodiscard]] __host__ __device__ int columns() const { return s.taps() + (with_bias ? 1 : 0); }
  [[nodiscard]] __host__ __device__ int depth() const { return s.n * s.pixels(); }
  __device__ Column column(int n) const {
    const bool is_bias = n >= s.taps();
    if (is_bias) n = s.taps() - 1;
    if constexpr (kProduct) return {{}, n, is_bias};
    return {tap_at(operands.taps, n), n, is_bias};
  }
  __device__ const float* a(int m, int k) const {
    if constexpr (kProduct) return y(k) + m;
    const int image = s.by_pixels.quotient(k);
    return y(image) + m * s.pixels() + k - image * s.pixels();
  }
  __device__ Factor b(int k, const Column& column) const {
    if (column.is_bias) return {&kOne, true};
    if constexpr (kProduct) return {x(k) + column.n, true};
    const int image = s.by_pixels.quotient(k);
    return window_value(s, window_at(s, x(image), k - image * s.pixels()), column.tap);
  }
  __device__ void store(int m, int n, float sum) const {
    const int filter = group * s.filters() + m;
    if (n < s.taps()) {
      operands.w.data[run * operands.w.stride + static_cast<std::int64_t>(filter) * s.taps() + n] = sum;
    } else {
      operands.b.data[run * operands.b.stride + filter] = sum;
    }
  }
};

/// Products `all` of each sum in pieces of at least `least`, and no more than `most` of them.
Pieces cut(std::int64_t all, std::int64_t least, std::int64_t most, const PieceSpace& space) {
  const std::int64_t depth = std::max(least, ceil_div(ceil_div(all, most), kDepth) * kDepth);
  return {static_cast<int>(ceil_div(all, depth)), static_cast<int>(depth), space};
}

/// Matrix products have few tiles and long sums; convolutions have tiles enough.
Pieces cut_data(bool is_product, std::int64_t depth, const PieceSpace& space) {
  return is_product && depth >= 256 ? cut(depth, 128, 8, space) : cut(depth, depth, 1, space);
}
/// Few sums over many positions: a convolution's are cut to give every multiprocessor some.
Pieces cut_weight(std::int64_t positions, const PieceSpace& space) { return cut(positions, 512, 64, space); }

bool is_product(const ConvShape& s) { return s.h * s.w == 1 && s.out_h() * s.out_w() == 1 && s.k == 1; }

std::int64_t columns_of(const ConvShape& s, std::int64_t n) { return s.c * s.k * s.k * n * s.out_h() * s.out_w(); }
/// True where a gradient of data is less work in two steps.
bool takes_columns(const ConvShape& s) { return s.k > 1 && 4 * s.h * s.w >= 5 * s.out_h() * s.out_w(); }

PieceNeeds needs(std::int64_t rows, std::int64_t columns, std::int64_t groups, const Pieces& pieces) {
  if (pieces.count == 1) return {};
  return {groups * pieces.count * rows * columns, groups * counters_of(rows, columns)};
}

}  // namespace

PieceNeeds conv2d_needs(const ConvShape& s, std::int64_t n) {
  const bool product = is_product(s);
  PieceNeeds all = needs(s.o / s.groups, n * s.out_h() * s.out_w(), s.groups,
                         cut_data(product, s.c / s.groups * s.k * s.k, {}));
  all.grow(needs(s.c / s.groups, n * s.h * s.w, s.groups, cut_data(product, s.o / s.groups * s.k * s.k, {})));
  if (takes_columns(s)) all.grow({columns_of(s, n), 0});
  return all;
}

PieceNeeds conv2d_backward_weight_needs(const ConvShape& s, std::int64_t n) {
  const std::int64_t taps = s.c / s.groups * s.k * s.k;
  return needs(s.o / s.groups, taps + 1, s.groups, cut_weight(n * s.out_h() * s.out_w(), {}));
}

void conv2d(const Scope& scope, const ConvShape& s, const ConvOperands& operands, const Fitting& fitting) {
  const Shape32 s32(s, scope.n);
  const auto launch = [&](const auto& problem) {
    launch_product(scope, problem, scope.runs * s.groups, cut_data(is_product(s), problem.depth(), operands.space));
  };
  if (is_product(s)) return launch(Forward<true>{{s32, operands}, fitting});
  launch(Forward<false>{{s32, operands}, fitting});
}

void conv2d_backward_data(const Scope& scope, const ConvShape& s, const ConvOperands& operands) {
  const Shape32 s32(s, scope.n);
  const auto launch_it = [&](const auto& problem) {
    launch_product(scope, problem, scope.runs * s.groups, cut_data(is_product(s), problem.depth(), operands.space));
  };
  if (is_product(s)) return launch_it(BackwardData<true>{{s32, operands}});
  if (!takes_columns(s)) return launch_it(BackwardData<false>{{s32, operands}});
  launch_it(DataColumns{{s32, operands}});
  launch(scope.stream, elements_grid(scope.n * s.c * s.h * s.w, scope.runs), add_columns_kernel, s32,
         static_cast<const float*>(operands.space.sums), operands.x);
}

void conv2d_backward_weight(const Scope& scope, const ConvShape& s, const ConvOperands& operands) {
  const Shape32 s32(s, scope.n);
  const bool with_bias = operands.b.data != nullptr;
  const auto launch = [&](const auto& problem) {
    launch_product(scope, problem, scope.runs * s.groups, cut_weight(problem.depth(), operands.space));
  };
  if (is_product(s)) return launch(BackwardWeight<true>{{s32, operands}, with_bias});
  launch(BackwardWeight<false>{{s32, operands}, with_bias});
}

}  // namespace qrun::cuda
