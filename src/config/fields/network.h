// The list of layers of a configuration.
#pragma once

#include <vector>

#include "config/fields/layer.h"

namespace qrun::config {

void read_network(const Value& value, std::vector<LayerSpec>& network);
void write_network(const std::vector<LayerSpec>& network, const Writing& to);
[[nodiscard]] Node schema_of_network();

}  // namespace qrun::config
