// Swept values as files hold them: in the type that their YAML text has.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

namespace qrun {

/// Flags are int8; integers beyond int64 are uint64.
using TypedValue = std::variant<std::int8_t, std::int64_t, std::uint64_t, double, std::string>;

[[nodiscard]] TypedValue typed_value(const std::string& yaml_text);

}  // namespace qrun
