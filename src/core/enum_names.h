// The names of enumerators. They stand once, beside their enum, as an array in its order that `names_of(Enum)` returns.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace qrun {

/// The name of an enumerator, as configurations, files and command lines write it.
template <class Enum>
[[nodiscard]] constexpr const char* name_of(Enum value) {
  return names_of(value)[static_cast<std::size_t>(value)];
}

/// The enumerator of a name; nothing where there is none.
template <class Enum>
[[nodiscard]] constexpr std::optional<Enum> find_named(std::string_view name) {
  const auto& names = names_of(Enum{});
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (name == names[i]) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

/// True where the list has a name for each enumerator up to the last: for a static_assert beside it.
template <class Enum>
[[nodiscard]] constexpr bool names_all_to(Enum last) {
  return names_of(last).size() == static_cast<std::size_t>(last) + 1;
}

}  // namespace qrun
