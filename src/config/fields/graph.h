// How the layers of a network hang together.
#pragma once

#include <vector>

#include "config/fields/layer.h"

namespace qrun::config {

/// Resolves `input` and checks how the layers of a list hang together: names, inputs, and that each leads to the last.
void connect_layers(const Value& list, std::vector<LayerSpec>& layers);

}  // namespace qrun::config
