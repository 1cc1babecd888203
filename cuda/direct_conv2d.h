// Convolutions of stride 1 with kernels of 3 or 5, and their gradients, from images in shared memory: a value is read
// once for all the windows that it lies in, and a thread keeps a row of them in registers.
#pragma once

#include "cuda/kernels.h"

namespace qrun::cuda {

/// True where the convolution and its input's gradient are computed from images in shared memory.
[[nodiscard]] bool has_direct_conv2d(const ConvShape& s);
/// True where the gradients of weights and biases are computed from images in shared memory.
[[nodiscard]] bool has_direct_conv2d_weight(const ConvShape& s);

// Operands as in kernels.h; taps and, but for the gradients of weights, space are not used. Float32 whatever is allowed.
void direct_conv2d(const Scope& scope, const ConvShape& s, const ConvOperands& operands, const Fitting& fitting);
void direct_conv2d_backward_data(const Scope& scope, const ConvShape& s, const ConvOperands& operands);
void direct_conv2d_backward_weight(const Scope& scope, const ConvShape& s, const ConvOperands& operands);
[[nodiscard]] PieceNeeds direct_conv2d_backward_weight_needs(const ConvShape& s, std::int64_t n);

}  // namespace qrun::cuda
