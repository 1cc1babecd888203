#include "cuda/activation.h"
#include "cuda/launch.cuh"

namespace qrun::cuda {
namespace {

__global__ void activation_kernel(std::int64_t n, Activation activation, Tensor x, Tensor y) {
  const int i = element();
  if (i >= n) return;
  y.data[blockIdx.y * y.stride + i] = activated(activation, x.data[blockIdx.y * x.stride + i]);
}

__global__ void activation_backward_kernel(std::int64_t n, Activation activation, Tensor y, Tensor dy, Tensor dx) {
  const int i = element();
  if (i >= n) return;
  dx.data[blockIdx.y * dx.stride + i] =
      activation_gradient(activation, y.data[blockIdx.y * y.stride + i], dy.data[blockIdx.y * dy.stride + i]);
}

}  // namespace

void activate(const Scope& scope, std::int64_t size, const Activation& activation, Tensor x, Tensor y) {
  const std::int64_t n = scope.n * size;
  launch(scope.stream, elements_grid(n, scope.runs), activation_kernel, n, activation, x, y);
}

void activate_backward(const Scope& scope, std::int64_t size, const Activation& activation, Tensor y, Tensor dy,
                       Tensor dx) {
  const std::int64_t n = scope.n * size;
  launch(scope.stream, elements_grid(n, scope.runs), activation_backward_kernel, n, activation, y, dy, dx);
}

}  // namespace qrun::cuda
