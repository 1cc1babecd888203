// One lowering function a layer type: it appends ops and returns the layer's output, before any quantizer.
#pragma once

#include "config/run_spec.h"
#include "plan/builder.h"

namespace qrun {

/// `x` is the layer's input. Throws ConfigError at the layer where shapes don't fit.
[[nodiscard]] BufferId lower_layer(Builder& builder, const LayerSpec& layer, BufferId x);

}  // namespace qrun
