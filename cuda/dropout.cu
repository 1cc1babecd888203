#include "cuda/dropout.h"
#include "cuda/launch.cuh"
#include "math/dropout.h"

namespace qrun::cuda {
namespace {

__global__ void dropout_kernel(std::int64_t n, bool training, DropoutOperands o) {
  const int i = element();
  if (i >= n) return;
  const unsigned run = blockIdx.y;
  const std::int64_t batch = o.control[run].iteration * o.batches + o.control[run].batch;
  const DropoutMask mask =
      dropout_mask(o.states[run].seed, o.number, batch, o.values, training ? o.states[run].p : 0.0);
  o.y.data[run * o.y.stride + i] = dropped_out(o.x.data[run * o.x.stride + i], mask, i);
}

}  // namespace

void dropout(const Scope& scope, std::int64_t size, const DropoutOperands& operands) {
  launch(scope.stream, elements_grid(scope.n * size, scope.runs), dropout_kernel, scope.n * size, scope.training,
         operands);
}

}  // namespace qrun::cuda
