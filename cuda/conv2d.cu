// Convolution: y[o, (n, oh, ow)] = sum over the taps (c, ky, kx) of w[o, tap] x[window at (n, oh, ow), tap], plus b[o].
#include "cuda/conv2d.cuh"
#include "cuda/depthwise_conv2d.h"
#include "cuda/direct_conv2d.h"
#include "cuda/fitting.cuh"

namespace qrun::cuda {
namespace {

template <Images kImages>
struct Forward : Layer {
  static constexpr bool kOnePixel = kImages == Images::kOnePixel;
  static constexpr bool kAAlongDepth = true, kBAlongDepth = kOnePixel;
  static constexpr bool kMayBeWhole = kOnePixel;
  struct Column {
    const float* x;  // the image
    Window window;
  };
  Fitting fitting;
  unsigned largest = 0;  // of what this thread has stored, as the bits of |y|

  [[nodiscard]] __host__ __device__ int rows() const { return s.filters; }
  [[nodiscard]] __host__ __device__ int columns() const { return s.n * s.pixels; }
  [[nodiscard]] __host__ __device__ int depth() const { return s.taps; }
  __device__ const float* a() const { return w(); }
  __device__ int a_row() const { return s.taps; }
  __device__ int a_offset(int k) const { return k; }
  __device__ int a_step() const { return step(s.taps); }
  __device__ int b_step() const { return kOnePixel ? step(s.taps) : 1; }
  __device__ Column column(int n) const {
    if (n >= columns()) n = columns() - 1;
    const int image = s.by_pixels.quotient(n);
    return {x(image), window_at(s, n - image * s.pixels)};
  }
  __device__ Factor b(int k, const Column& column) const {
    if constexpr (kOnePixel) return {column.x + k, true};
    if constexpr (kImages == Images::kInside)
      return {column.x + column.window.origin + offset_at(operands.taps, k), true};
    return window_value<kImages>(s, column.x, column.window, tap_at(operands.taps, k));
  }
  __device__ void store(int m, int n, float sum) {
    const Tensor& bias = operands.b;
    if (bias.data != nullptr) sum += bias.data[run * bias.stride + group * s.filters + m];
    const int image = s.by_pixels.quotient(n);
    y(image)[m * s.pixels + n - image * s.pixels] = sum;
    const unsigned bits = __float_as_uint(sum) & 0x7fffffffU;
    largest = largest > bits ? largest : bits;
  }
  __device__ void finish(unsigned blocks_of_layer) const {
    if (fitting.states != nullptr) fit_to_maxima(fitting, run, largest, blocks_of_layer * s.groups);
  }
};

}  // namespace

PieceNeeds conv2d_needs(const ConvShape& s, std::int64_t n) {
  if (s.is_depthwise() || has_direct_conv2d(s)) return {};
  return needs_of(s.o / s.groups, n * s.out_h() * s.out_w(), s.groups, cut_data(images_of(s), s.taps(), {}));
}

void conv2d(const Scope& scope, const ConvShape& s, const ConvOperands& operands, const Fitting& fitting) {
  if (s.is_depthwise()) return depthwise_conv2d(scope, s, operands, fitting);
  if (has_direct_conv2d(s)) return direct_conv2d(scope, s, operands, fitting);
  with_images(images_of(s), [&]<Images kImages>() {
    const Forward<kImages> problem{{Shape32(s, scope.n), operands}, fitting};
    launch_product(scope, problem, scope.runs * s.groups, cut_data(kImages, problem.depth(), operands.space));
  });
}

}  // namespace qrun::cuda
