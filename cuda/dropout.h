// Dropout on the device.
#pragma once

#include "cuda/kernels.h"

namespace qrun::cuda {

/// A dropout in one run.
struct DropoutState {
  std::uint64_t seed = 0;
  double p = 0;
};

struct DropoutOperands {
  Tensor x, y;                           // or their gradients, dy to dx
  const DropoutState* states = nullptr;  // [run]
  const RunControl* control = nullptr;   // [run]
  std::uint32_t number = 0;              // among dropouts
  std::int64_t values = 0;               // of a training batch
  std::int64_t batches = 1;              // an iteration
};

/// `size` is that of one image.
void dropout(const Scope& scope, std::int64_t size, const DropoutOperands& operands);

}  // namespace qrun::cuda
