// Activations beside relu, on the device.
#pragma once

#include "cuda/kernels.h"
#include "math/activation.h"

namespace qrun::cuda {

// `size` is that of one image.
void activate(const Scope& scope, std::int64_t size, const Activation& activation, Tensor x, Tensor y);
void activate_backward(const Scope& scope, std::int64_t size, const Activation& activation, Tensor y, Tensor dy,
                       Tensor dx);

}  // namespace qrun::cuda
