// Options that take one of some names: the names come from where they stand, into checks and help.
#pragma once

#include <string>
#include <vector>

namespace qrun {

/// The names of all enumerators.
template <class Enum>
[[nodiscard]] std::vector<std::string> choices() {
  const auto& names = names_of(Enum{});
  return {names.begin(), names.end()};
}

/// Returns the names as `a, b or c`.
[[nodiscard]] std::string one_of(std::vector<std::string> names);

}  // namespace qrun
