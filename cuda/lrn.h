// Local response normalization on the device.
#pragma once

#include "core/shape.h"
#include "cuda/kernels.h"
#include "math/lrn.h"

namespace qrun::cuda {

struct LrnOperands {
  Tensor x, scale, y, dy, dx;
};

void lrn(const Scope& scope, const Shape& s, const Lrn& lrn, const LrnOperands& operands);
void lrn_backward(const Scope& scope, const Shape& s, const Lrn& lrn, const LrnOperands& operands);

}  // namespace qrun::cuda
