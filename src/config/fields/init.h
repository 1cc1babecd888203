// How weights and biases start: `xavier` or `he`, both also by another fan as in `{he: fan_out}`, `{uniform: [low,
// high]}`, `{gaussian: deviation, mean: 0, sparse: n}` or `{constant: value}`.
#pragma once

#include <cstdint>
#include <optional>

#include "config/fields/layer.h"

namespace qrun::config {

/// Returns how a weight or bias of the layer starts: as given, or as its type says.
[[nodiscard]] InitSpec init_of(const LayerSpec& layer, Blob blob);

/// Whose start is read. Only weights of products have fans, and outputs with several inputs each.
struct InitOwner {
  bool is_product = false;
  std::int64_t outputs = 0;  // of a product; 0 where that is not known
};

void read_init(const Value& value, const InitOwner& owner, std::optional<InitSpec>& init);
void write_init(const InitSpec& init, const Writing& to);
[[nodiscard]] Node schema_of_init();

}  // namespace qrun::config
