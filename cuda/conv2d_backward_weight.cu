// The gradients of a convolution's weights and biases: dw[o, (c, ky, kx)] = sum over the positions (n, oh, ow) of dy
// and the window's value there; a bias is a weight whose input is 1.
#include "cuda/conv2d.cuh"
#include "cuda/depthwise_conv2d.h"
#include "cuda/direct_conv2d.h"

namespace qrun::cuda {
namespace {

alignas(16) __device__ const float kOne[4] = {1.0F, 0, 0, 0};  // the input of a bias, where copies can start

template <Images kImages>
struct BackwardWeight : Layer {
  static constexpr bool kOnePixel = kImages == Images::kOnePixel;
  static constexpr bool kAAlongDepth = !kOnePixel, kBAlongDepth = !kOnePixel;
  static constexpr bool kMayBeWhole = false;
  bool with_bias;

  struct Column {
    Tap tap;
    int n;
    bool is_bias;
  };
  [[nodiscard]] __host__ __device__ int rows() const { return s.filters; }
  [[nodiscard]] __host__ __device__ int columns() const { return s.taps + (with_bias ? 1 : 0); }
  [[nodiscard]] __host__ __device__ int depth() const { return s.n * s.pixels; }
  __device__ const float* a() const { return y(0); }
  __device__ int a_row() const { return s.pixels; }
  __device__ int a_offset(int k) const {
    if constexpr (kOnePixel) return k * s.o;
    const int image = s.by_pixels.quotient(k);
    return image * (s.o - 1) * s.pixels + k;
  }
  __device__ int a_step() const { return step(kOnePixel ? s.filters : s.pixels); }
  __device__ int b_step() const { return kOnePixel ? step(s.taps) : 1; }
  __device__ Column column(int n) const {
    const bool is_bias = n >= s.taps;
    if (is_bias) n = s.taps - 1;
    if constexpr (kOnePixel) return {{}, n, is_bias};
    return {tap_at(operands.taps, n), n, is_bias};
  }
  __device__ Factor b(int k, const Column& column) const {
    if (column.is_bias) return {kOne, true};
    if constexpr (kOnePixel) return {x(k) + column.n, true};
    const int image = s.by_pixels.quotient(k);
    return window_value<kImages>(s, x(image), window_at(s, k - image * s.pixels), column.tap);
  }
  __device__ void store(int m, int n, float sum) const {
    const int filter = group * s.filters + m;
    if (n < s.taps) {
      operands.w.data[run * operands.w.stride + static_cast<std::int64_t>(filter) * s.taps + n] = sum;
    } else {
      operands.b.data[run * operands.b.stride + filter] = sum;
    }
  }
};

/// Few sums over many positions: they are cut to give every multiprocessor some.
Pieces cut_weight(std::int64_t positions, const PieceSpace& space) { return cut(positions, 256, 128, space); }

}  // namespace

PieceNeeds conv2d_backward_weight_needs(const ConvShape& s, std::int64_t n) {
  if (s.is_depthwise()) return {};
  if (has_direct_conv2d_weight(s)) return direct_conv2d_backward_weight_needs(s, n);
  return needs_of(s.o / s.groups, s.taps() + 1, s.groups, cut_weight(n * s.out_h() * s.out_w(), {}));
}

void conv2d_backward_weight(const Scope& scope, const ConvShape& s, const ConvOperands& operands) {
  if (s.is_depthwise()) return depthwise_conv2d_backward_weight(scope, s, operands);
  if (has_direct_conv2d_weight(s)) return direct_conv2d_backward_weight(scope, s, operands);
  with_images(images_of(s), [&]<Images kImages>() {
    const BackwardWeight<kImages> problem{{Shape32(s, scope.n), operands}, operands.b.data != nullptr};
    launch_product(scope, problem, scope.runs * s.groups, cut_weight(problem.depth(), operands.space));
  });
}

}  // namespace qrun::cuda
