#include "cuda/concat.h"
#include "cuda/divisor.h"
#include "cuda/launch.cuh"

namespace qrun::cuda {
namespace {

__global__ void copy_images_kernel(std::int64_t n, Divisor by_size, Tensor from, int from_apart, Tensor to,
                                   int to_apart) {
  const int i = element();
  if (i >= n) return;
  const int image = by_size.quotient(i);
  const int value = i - image * by_size.value();
  to.data[blockIdx.y * to.stride + image * to_apart + value] =
      from.data[blockIdx.y * from.stride + image * from_apart + value];
}

}  // namespace

void copy_images(const Scope& scope, std::int64_t size, Tensor from, std::int64_t from_apart, Tensor to,
                 std::int64_t to_apart) {
  const std::int64_t n = scope.n * size;
  launch(scope.stream, elements_grid(n, scope.runs), copy_images_kernel, n, Divisor(static_cast<int>(size)), from,
         static_cast<int>(from_apart), to, static_cast<int>(to_apart));
}

}  // namespace qrun::cuda
