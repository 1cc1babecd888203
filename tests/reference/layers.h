// Layers as a configuration would give them, for networks made by hand.
#pragma once

#include <string>
#include <vector>

#include "config/run_spec.h"

namespace qrun {

inline LayerSpec layer(const std::string& name, const std::string& input, const LayerParams& params) {
  LayerSpec spec;
  spec.name = name;
  spec.input = {input};
  spec.params = params;
  spec.position = {"net.yaml", 7, 3};
  return spec;
}

/// A layer of several inputs.
inline LayerSpec joining_layer(const std::string& name, const std::vector<std::string>& inputs,
                               const LayerParams& params) {
  LayerSpec spec = layer(name, "", params);
  spec.input = inputs;
  return spec;
}

}  // namespace qrun
