// Softmax, cross-entropy, its gradient and predictions, in double; and the end of an iteration.
#include "cuda/kernels.h"
#include "cuda/statistics.cuh"
#include "math/softmax.h"

namespace qrun::cuda {
namespace {

/// A block a run.
__global__ void softmax_cross_entropy_kernel(std::int64_t n, int classes, bool training, LossOperands operands) {
  const std::int64_t run = blockIdx.x;
  const auto batch = static_cast<double>(n);
  double mine = 0.0;
  for (std::int64_t i = threadIdx.x; i < n; i += kThreads) {
    const float* x = operands.x.data + run * operands.x.stride + i * classes;
    float* dx = training ? operands.dx.data + run * operands.dx.stride + i * classes : nullptr;
    mine += softmax_loss(x, 1, classes, operands.labels[run * operands.labels_stride + i], batch, dx);
    if (operands.predictions != nullptr)
      operands.predictions[run * operands.items + operands.first + i] = arg_max(x, 1, classes);
  }
  const double sum = block_reduce(mine, [](double a, double b) { return a + b; });
  if (threadIdx.x != 0) return;
  RunControl& control = operands.control[run];
  control.loss = sum / batch;
  control.test_loss += sum;
  if (!is_finite(sum)) diverge(control, operands.place);
}

/// A thread a run.
__global__ void end_iteration_kernel(int runs, RunControl* controls, float* losses, std::int64_t stride) {
  const std::int64_t run = element();
  if (run >= runs) return;
  RunControl& control = controls[run];
  if (!has_diverged(control)) {
    losses[run * stride + control.step] = static_cast<float>(control.loss);
    ++control.iteration;
  }
  ++control.step;
}

}  // namespace

void softmax_cross_entropy(const Scope& scope, std::int64_t classes, const LossOperands& operands) {
  launch(scope.stream, dim3(static_cast<unsigned>(scope.runs)), softmax_cross_entropy_kernel, scope.n,
         static_cast<int>(classes), scope.training, operands);
}

void end_iteration(const Scope& scope, RunControl* control, float* losses, std::int64_t stride) {
  launch(scope.stream, elements_grid(scope.runs, 1), end_iteration_kernel, scope.runs, control, losses, stride);
}

}  // namespace qrun::cuda
