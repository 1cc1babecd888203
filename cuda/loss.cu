// Softmax, cross-entropy, its gradient and predictions, in double; and the end of an iteration.
#include <algorithm>

#include "cuda/kernels.h"
#include "cuda/statistics.cuh"
#include "math/softmax.h"

namespace qrun::cuda {
namespace {

/// Each block takes a run. `lanes` threads take an image, each of them some classes.
__global__ void softmax_cross_entropy_kernel(int n, int classes, int lanes, bool training, LossOperands operands) {
  __shared__ double parts[kThreads];  // of the sum of exponentials
  const std::int64_t run = blockIdx.x;
  const int thread = static_cast<int>(threadIdx.x);
  const int at_once = static_cast<int>(kThreads) / lanes;
  const int lane = thread % lanes;
  double mine = 0.0;
  for (int first = 0; first < n; first += at_once) {
    const int image = first + thread / lanes;
    const bool active = thread / lanes < at_once && image < n;
    const float* x =
        operands.x.data + run * operands.x.stride + static_cast<std::int64_t>(active ? image : 0) * classes;
    const double largest = largest_score(x, 1, classes);
    double part = 0.0;
    for (int c = lane; c < classes; c += lanes) part += exp(static_cast<double>(x[c]) - largest);
    parts[thread] = part;
    __syncthreads();
    double sum = 0.0;
    for (int i = 0; active && i < lanes; ++i) sum += parts[thread - lane + i];
    __syncthreads();
    if (!active) continue;
    const std::int32_t label = operands.labels[run * operands.labels_stride + image];
    const double smoothing = operands.numbers[run].label_smoothing;
    if (training) {
      float* dx = operands.dx.data + run * operands.dx.stride + static_cast<std::int64_t>(image) * classes;
      for (int c = lane; c < classes; c += lanes)
        dx[c] = softmax_gradient(static_cast<double>(x[c]), largest, sum, target_of(c == label, smoothing, classes),
                                 static_cast<double>(n));
    }
    if (lane != 0) continue;
    mine += cross_entropy(target_score(x, 1, classes, label, smoothing), largest, sum);
    if (operands.predictions == nullptr) continue;
    const std::int64_t item = run * operands.items + operands.first + image;
    operands.predictions[item] = arg_max(x, 1, classes);
    operands.ranks[item] = label_rank(x, 1, classes, label);
  }
  const double sum = block_reduce(mine, [](double a, double b) { return a + b; });
  if (thread != 0) return;
  RunControl& control = operands.control[run];
  control.loss = sum / static_cast<double>(n);
  control.test_loss += sum;
  if (!is_finite(sum)) diverge(control, operands.place);
}

/// Each thread ends a batch of a run.
__global__ void end_batch_kernel(int runs, RunControl* controls) {
  const std::int64_t run = element();
  if (run >= runs) return;
  controls[run].loss_sum += controls[run].loss;
  ++controls[run].batch;
}

/// Each thread ends the iteration of a run.
__global__ void end_iteration_kernel(int runs, RunControl* controls, std::int64_t batches, float* losses,
                                     std::int64_t stride) {
  const std::int64_t run = element();
  if (run >= runs) return;
  RunControl& control = controls[run];
  if (!has_diverged(control)) {
    const double loss = batches > 1 ? control.loss_sum / static_cast<double>(batches) : control.loss;
    losses[run * stride + control.step] = static_cast<float>(loss);
    ++control.iteration;
  }
  control.loss_sum = 0;
  control.batch = 0;
  ++control.step;
}

}  // namespace

void softmax_cross_entropy(const Scope& scope, std::int64_t classes, const LossOperands& operands) {
  const int lanes = static_cast<int>(std::min<std::int64_t>(classes, kThreads));
  launch(scope.stream, dim3(static_cast<unsigned>(scope.runs)), softmax_cross_entropy_kernel, static_cast<int>(scope.n),
         static_cast<int>(classes), lanes, scope.training, operands);
}

void end_batch(const Scope& scope, RunControl* control) {
  launch(scope.stream, elements_grid(scope.runs, 1), end_batch_kernel, scope.runs, control);
}

void end_iteration(const Scope& scope, RunControl* control, std::int64_t batches, float* losses, std::int64_t stride) {
  launch(scope.stream, elements_grid(scope.runs, 1), end_iteration_kernel, scope.runs, control, batches, losses,
         stride);
}

}  // namespace qrun::cuda
