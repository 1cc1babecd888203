// Softmax over channels on the device.
#pragma once

#include "core/shape.h"
#include "cuda/kernels.h"

namespace qrun::cuda {

void softmax(const Scope& scope, const Shape& s, Tensor x, Tensor y);
void softmax_backward(const Scope& scope, const Shape& s, Tensor y, Tensor dy, Tensor dx);

}  // namespace qrun::cuda
