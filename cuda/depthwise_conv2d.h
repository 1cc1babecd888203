// Convolutions with a group for each channel, and their gradients: a value of an image serves so few products that tiles
// of them would be empty.
#pragma once

#include "cuda/kernels.h"

namespace qrun::cuda {

// Operands as in kernels.h; taps and space are not used. Float32 whatever is allowed.
void depthwise_conv2d(const Scope& scope, const ConvShape& s, const ConvOperands& operands, const Fitting& fitting);
void depthwise_conv2d_backward_data(const Scope& scope, const ConvShape& s, const ConvOperands& operands);
void depthwise_conv2d_backward_weight(const Scope& scope, const ConvShape& s, const ConvOperands& operands);

}  // namespace qrun::cuda
