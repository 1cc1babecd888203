// One lowering function a layer type: it appends ops and returns the layer's output, before any quantizer.
#pragma once

#include <span>

#include "config/run_spec.h"
#include "plan/builder.h"

namespace qrun {

/// `inputs` are the layer's, as many as its type takes. Throws ConfigError at the layer where shapes don't fit.
[[nodiscard]] BufferId lower_layer(Builder& builder, const LayerSpec& layer, std::span<const BufferId> inputs);

/// Returns what a layer's configuration says about its blob of this role.
[[nodiscard]] ParamSettings settings_of(const LayerSpec& layer, BlobRole role);

/// Returns the probability of a layer's dropout; 0 where it is none.
[[nodiscard]] double dropout_of(const LayerSpec& layer);

/// Returns the momentum of the running statistics of a layer; 0 where it has none.
[[nodiscard]] double momentum_of(const LayerSpec& layer);

}  // namespace qrun
