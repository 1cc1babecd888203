// What a library's convolution leaves to do: the bias, and fitting the quantizer behind it; the bias's gradient.
#include "cuda/divisor.h"
#include "cuda/fitting.cuh"
#include "cuda/kernels.h"

namespace qrun::cuda {
namespace {

/// y += b, [n][channels][pixels]; each block has a piece of a run.
__global__ void add_bias_kernel(std::int64_t n, Divisor by_pixels, Divisor by_channels, Tensor y, Tensor b,
                                Fitting fitting) {
  const unsigned run = blockIdx.y;
  float* values = y.data + run * y.stride;
  const float* bias = b.data == nullptr ? nullptr : b.data + run * b.stride;
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * kPiece;
  const std::int64_t end = begin + kPiece < n ? begin + kPiece : n;
  unsigned largest = 0;  // of what this thread has seen, as the bits of |y|
  for (std::int64_t i = begin + threadIdx.x; i < end; i += kThreads) {
    float v = values[i];
    if (bias != nullptr) {
      v += bias[by_channels.remainder(by_pixels.quotient(static_cast<int>(i)))];
      values[i] = v;
    }
    const unsigned bits = __float_as_uint(v) & 0x7fffffffU;
    largest = largest > bits ? largest : bits;
  }
  if (fitting.states != nullptr) fit_to_maxima(fitting, run, largest, gridDim.x);
}

/// A block sums one channel: each thread every 256th value, in order, then all of them as a tree.
__global__ void bias_gradient_kernel(int n, Divisor by_pixels, int channels, Tensor dy, Tensor db) {
  const int pixels = by_pixels.value();
  const int channel = static_cast<int>(blockIdx.x);
  const float* values = dy.data + blockIdx.y * dy.stride + static_cast<std::int64_t>(channel) * pixels;
  float sum = 0.0F;
  for (int i = static_cast<int>(threadIdx.x); i < n * pixels; i += static_cast<int>(kThreads)) {
    const int image = by_pixels.quotient(i);
    sum += values[static_cast<std::int64_t>(image) * (channels - 1) * pixels + i];
  }
  sum = block_reduce(sum, [](float a, float b) { return a + b; });
  if (threadIdx.x == 0) db.data[blockIdx.y * db.stride + channel] = sum;
}

}  // namespace

void add_bias(const Scope& scope, const ConvShape& s, Tensor y, Tensor b, const Fitting& fitting) {
  if (b.data == nullptr && fitting.states == nullptr) return;
  const std::int64_t pixels = s.out_h() * s.out_w();
  const std::int64_t n = scope.n * s.o * pixels;
  const dim3 grid(static_cast<unsigned>(ceil_div(n, kPiece)), static_cast<unsigned>(scope.runs));
  launch(scope.stream, grid, add_bias_kernel, n, Divisor(static_cast<int>(pixels)), Divisor(static_cast<int>(s.o)), y,
         b, fitting);
}

void bias_gradient(const Scope& scope, const ConvShape& s, Tensor dy, Tensor db) {
  if (db.data == nullptr) return;
  const dim3 grid(static_cast<unsigned>(s.o), static_cast<unsigned>(scope.runs));
  launch(scope.stream, grid, bias_gradient_kernel, static_cast<int>(scope.n),
         Divisor(static_cast<int>(s.out_h() * s.out_w())), static_cast<int>(s.o), dy, db);
}

}  // namespace qrun::cuda
