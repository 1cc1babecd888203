// JSON schema (draft 2020-12) as trees.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "config/yaml/node.h"
#include "config/yaml/values.h"

namespace qrun::config {

[[nodiscard]] Node schema_of_choice(std::span<const char* const> names);
[[nodiscard]] Node schema_of_integer(const IntRange& range);
[[nodiscard]] Node schema_of_number(const NumberRange& range);
[[nodiscard]] Node schema_of_list(Node items);
[[nodiscard]] Node schema_any_of(std::vector<Node> schemas);
/// Returns a reference to what `$defs` holds under the name.
[[nodiscard]] Node schema_ref(const std::string& name);
/// Returns the schema of what `schema` allows, or text with a variable in it.
[[nodiscard]] Node or_variable(Node schema);
[[nodiscard]] Node or_null(Node schema);

}  // namespace qrun::config
