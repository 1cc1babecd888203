// How the weights of a layer start: `xavier`, `he`, `{gaussian: deviation}` or `{constant: value}`.
#pragma once

#include "config/fields/layer.h"

namespace qrun::config {

void read_init(LayerSpec& layer, const Value& value);
void write_init(const LayerSpec& layer, const Writing& to);
[[nodiscard]] Node schema_of_init();

}  // namespace qrun::config
