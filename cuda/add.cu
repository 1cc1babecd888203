#include "cuda/kernels.h"
#include "cuda/launch.cuh"
#include "math/add.h"

namespace qrun::cuda {
namespace {

__global__ void add_kernel(std::int64_t n, float coefficient, Tensor x, Tensor y, bool to_y) {
  const int i = element();
  if (i >= n) return;
  const float value = x.data[blockIdx.y * x.stride + i];
  float& sum = y.data[blockIdx.y * y.stride + i];
  sum = to_y ? add_scaled(sum, coefficient, value) : scaled(coefficient, value);
}

}  // namespace

void add(const Scope& scope, std::int64_t size, float coefficient, Tensor x, Tensor y, bool to_y) {
  launch(scope.stream, elements_grid(scope.n * size, scope.runs), add_kernel, scope.n * size, coefficient, x, y, to_y);
}

}  // namespace qrun::cuda
