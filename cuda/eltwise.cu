#include "cuda/eltwise.h"
#include "cuda/launch.cuh"

namespace qrun::cuda {
namespace {

__global__ void eltwise_kernel(std::int64_t n, Eltwise type, float coefficient, Tensor x, Tensor y, bool is_first) {
  const int i = element();
  if (i >= n) return;
  const float value = x.data[blockIdx.y * x.stride + i];
  float& of = y.data[blockIdx.y * y.stride + i];
  of = is_first ? eltwise_first(type, coefficient, value) : eltwise_next(type, of, coefficient, value);
}

__global__ void eltwise_backward_kernel(std::int64_t n, Eltwise type, bool wins, Tensor x, Tensor other,
                                        Tensor gradient, Tensor dx) {
  const int i = element();
  if (i >= n) return;
  const unsigned run = blockIdx.y;
  dx.data[run * dx.stride + i] = eltwise_gradient(type, gradient.data[run * gradient.stride + i],
                                                  x.data[run * x.stride + i], other.data[run * other.stride + i], wins);
}

}  // namespace

void eltwise(const Scope& scope, std::int64_t size, Eltwise type, float coefficient, Tensor x, Tensor y,
             bool is_first) {
  const std::int64_t n = scope.n * size;
  launch(scope.stream, elements_grid(n, scope.runs), eltwise_kernel, n, type, coefficient, x, y, is_first);
}

void eltwise_backward(const Scope& scope, std::int64_t size, Eltwise type, bool wins, Tensor x, Tensor other,
                      Tensor gradient, Tensor dx) {
  const std::int64_t n = scope.n * size;
  launch(scope.stream, elements_grid(n, scope.runs), eltwise_backward_kernel, n, type, wins, x, other, gradient, dx);
}

}  // namespace qrun::cuda
