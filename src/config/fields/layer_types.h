// The layer types of the configuration: one row each, from which the reader, the schema and the canonical text follow.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace qrun {

struct LayerParameter {
  const char* name;
  bool is_bool;
  bool required;
  std::int64_t fallback;      // where neither required nor `fallback_from`
  const char* fallback_from;  // the parameter whose value is the default, or nullptr
  std::int64_t min;
  std::int64_t max;
  const char* about;
};

struct LayerType {
  const char* name;
  bool has_parameters;  // trainable weight (and bias), so `init`, `weight`, `bias` may be given
  std::span<const LayerParameter> parameters;
  const char* about;
};

/// All layer types, in the order of the documentation.
[[nodiscard]] std::span<const LayerType> layer_types();

/// nullptr for an unknown name.
[[nodiscard]] const LayerType* find_layer_type(std::string_view name);

}  // namespace qrun
