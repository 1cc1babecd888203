// Channels times a weight each, on the device.
#pragma once

#include "core/shape.h"
#include "cuda/kernels.h"
#include "math/channel_scale.h"

namespace qrun::cuda {

struct ChannelScaleOperands {
  Tensor x, y, dy, dx;
  Tensor w, b;  // values, or gradients; b.data may be nullptr
};

void channel_scale(const Scope& scope, const Shape& s, Scaled scaled, const ChannelScaleOperands& operands);
/// Writes dw and db; `partials` is [run][channel_sums()].
void channel_scale_backward_weight(const Scope& scope, const Shape& s, Scaled scaled,
                                   const ChannelScaleOperands& operands, Sums* partials);
void channel_scale_backward_data(const Scope& scope, const Shape& s, Scaled scaled,
                                 const ChannelScaleOperands& operands);

}  // namespace qrun::cuda
