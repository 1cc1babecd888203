// Softmax over channels: a thread a pixel of an image.
#include "cuda/divisor.h"
#include "cuda/launch.cuh"
#include "cuda/softmax.h"
#include "math/softmax.h"

namespace qrun::cuda {
namespace {

/// Returns where the first channel of a pixel of the batch lies.
__device__ inline int first_channel(int pixel, int channels, const Divisor& by_plane) {
  const int image = by_plane.quotient(pixel);
  return pixel + image * (channels - 1) * by_plane.value();
}

__global__ void softmax_kernel(std::int64_t n, int channels, Divisor by_plane, Tensor x, Tensor y) {
  const int pixel = element();
  if (pixel >= n) return;
  const int first = first_channel(pixel, channels, by_plane);
  qrun::softmax(x.data + blockIdx.y * x.stride + first, by_plane.value(), channels,
                y.data + blockIdx.y * y.stride + first);
}

__global__ void softmax_backward_kernel(std::int64_t n, int channels, Divisor by_plane, Tensor y, Tensor dy,
                                        Tensor dx) {
  const int pixel = element();
  if (pixel >= n) return;
  const int first = first_channel(pixel, channels, by_plane);
  qrun::softmax_backward(y.data + blockIdx.y * y.stride + first, dy.data + blockIdx.y * dy.stride + first,
                         by_plane.value(), channels, dx.data + blockIdx.y * dx.stride + first);
}

}  // namespace

void softmax(const Scope& scope, const Shape& s, Tensor x, Tensor y) {
  const std::int64_t n = scope.n * s.h * s.w;
  launch(scope.stream, elements_grid(n, scope.runs), softmax_kernel, n, static_cast<int>(s.c),
         Divisor(static_cast<int>(s.h * s.w)), x, y);
}

void softmax_backward(const Scope& scope, const Shape& s, Tensor y, Tensor dy, Tensor dx) {
  const std::int64_t n = scope.n * s.h * s.w;
  launch(scope.stream, elements_grid(n, scope.runs), softmax_backward_kernel, n, static_cast<int>(s.c),
         Divisor(static_cast<int>(s.h * s.w)), y, dy, dx);
}

}  // namespace qrun::cuda
