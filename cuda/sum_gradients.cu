#include "cuda/kernels.h"
#include "cuda/launch.cuh"

namespace qrun::cuda {
namespace {

__global__ void add_gradients_kernel(std::int64_t n, Tensor a, Tensor b, Tensor sum) {
  const int i = element();
  if (i >= n) return;
  sum.data[blockIdx.y * sum.stride + i] = a.data[blockIdx.y * a.stride + i] + b.data[blockIdx.y * b.stride + i];
}

}  // namespace

void add_gradients(const Scope& scope, std::int64_t size, Tensor a, Tensor b, Tensor sum) {
  launch(scope.stream, elements_grid(scope.n * size, scope.runs), add_gradients_kernel, scope.n * size, a, b, sum);
}

}  // namespace qrun::cuda
