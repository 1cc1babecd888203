#include "cuda/kernels.h"
#include "cuda/launch.cuh"
#include "math/relu.h"

namespace qrun::cuda {
namespace {

__global__ void relu_kernel(std::int64_t n, Tensor x, Tensor y) {
  const int i = element();
  if (i >= n) return;
  y.data[blockIdx.y * y.stride + i] = qrun::relu(x.data[blockIdx.y * x.stride + i]);
}

__global__ void relu_backward_kernel(std::int64_t n, Tensor y, Tensor dy, Tensor dx) {
  const int i = element();
  if (i >= n) return;
  dx.data[blockIdx.y * dx.stride + i] =
      relu_gradient(y.data[blockIdx.y * y.stride + i], dy.data[blockIdx.y * dy.stride + i]);
}

}  // namespace

void relu(const Scope& scope, std::int64_t size, Tensor x, Tensor y) {
  launch(scope.stream, elements_grid(scope.n * size, scope.runs), relu_kernel, scope.n * size, x, y);
}

void relu_backward(const Scope& scope, std::int64_t size, Tensor y, Tensor dy, Tensor dx) {
  launch(scope.stream, elements_grid(scope.n * size, scope.runs), relu_backward_kernel, scope.n * size, y, dy, dx);
}

}  // namespace qrun::cuda
