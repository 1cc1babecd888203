// Batch norm on the device, as host functions that submit its kernels.
#pragma once

#include "core/shape.h"
#include "cuda/kernels.h"

namespace qrun::cuda {

/// Running statistics of the runs of a launch.
struct RunningStatistics {
  double* mean = nullptr;           // [run][c]
  double* variance = nullptr;       // [run][c]
  double* count = nullptr;          // [run]
  const double* momenta = nullptr;  // [run]
};

struct BatchNormOperands {
  Tensor x, y, dy, dx;
  Tensor moments, moments_gradient;  // [2][c] a run
  Tensor w, b;                       // values, or gradients; data may be nullptr
};

/// Moments of x, which move the statistics. Notes `place` where they are not finite.
struct MomentsOperands {
  Tensor x, moments;
  RunningStatistics statistics;
  double eps = 0;
  Sums* partials = nullptr;  // [run][batch_norm_sums()]
  RunControl* control = nullptr;
  std::int32_t place = 0;
};
void batch_norm_moments(const Scope& scope, const Shape& s, const MomentsOperands& operands);
/// Writes the moments that the running statistics say.
void batch_norm_running_moments(const Scope& scope, const Shape& s, const MomentsOperands& operands);

void batch_norm(const Scope& scope, const Shape& s, const BatchNormOperands& operands);
void batch_norm_backward_weight(const Scope& scope, const Shape& s, const BatchNormOperands& operands, Sums* partials);
/// Writes dx; without gradients of moments the moments are constants.
void batch_norm_backward_data(const Scope& scope, const Shape& s, const BatchNormOperands& operands);

}  // namespace qrun::cuda
