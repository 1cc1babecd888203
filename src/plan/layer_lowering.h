// The lowering functions of layers.h that lie in files of their own, and what they share.
#pragma once

#include <span>
#include <string>

#include "core/error.h"
#include "plan/builder.h"

namespace qrun {

using Inputs = std::span<const BufferId>;

[[noreturn]] inline void refuse(const LayerSpec& layer, const std::string& problem) {
  throw ConfigError(layer.position, "network." + layer.name, problem);
}

// joining_layers.cpp
[[nodiscard]] BufferId lower(Builder& b, const LayerSpec& layer, const AddLayer& add, Inputs inputs);
[[nodiscard]] BufferId lower(Builder& b, const LayerSpec& layer, const MulLayer& mul, Inputs inputs);
[[nodiscard]] BufferId lower(Builder& b, const LayerSpec& layer, const MaxLayer& max, Inputs inputs);
[[nodiscard]] BufferId lower(Builder& b, const LayerSpec& layer, const ConcatLayer& concat, Inputs inputs);
[[nodiscard]] BufferId lower(Builder& b, const LayerSpec& layer, const FlattenLayer& flatten, Inputs inputs);

// channel_layers.cpp
[[nodiscard]] BufferId lower(Builder& b, const LayerSpec& layer, const ScaleLayer& scale, Inputs inputs);
[[nodiscard]] BufferId lower(Builder& b, const LayerSpec& layer, const PreluLayer& prelu, Inputs inputs);
[[nodiscard]] BufferId lower(Builder& b, const LayerSpec& layer, const SoftmaxLayer& softmax, Inputs inputs);
[[nodiscard]] BufferId lower(Builder& b, const LayerSpec& layer, const LrnLayer& lrn, Inputs inputs);

}  // namespace qrun
