// Sums, products and maxima of several inputs on the device, one input a launch.
#pragma once

#include "cuda/kernels.h"
#include "math/eltwise.h"

namespace qrun::cuda {

// `size` is that of one image.
/// Makes y of its first input, or of what it holds and one input more.
void eltwise(const Scope& scope, std::int64_t size, Eltwise type, float coefficient, Tensor x, Tensor y, bool is_first);
/// Makes dx what another input leaves of `gradient`, which may be dx; `wins`: x does where both are equal.
void eltwise_backward(const Scope& scope, std::int64_t size, Eltwise type, bool wins, Tensor x, Tensor other,
                      Tensor gradient, Tensor dx);

}  // namespace qrun::cuda
