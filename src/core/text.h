// What users wrote, made fit to be printed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace qrun {

/// Bytes of the character of UTF-8 that the text starts with; 0 where it starts with none.
[[nodiscard]] std::size_t character_length(std::string_view text);

/// Returns where the first character stands that shows nothing or passes for a blank - U+00A0, zero-width ones and
/// their like - or npos.
[[nodiscard]] std::size_t find_invisible(std::string_view text);

/// Returns `text` as part of one line: control characters and what is not UTF-8 escaped, invisible characters as
/// `<U+00A0>`, the middle of what is longer than `most` bytes left out.
[[nodiscard]] std::string legible(const std::string& text, std::size_t most);

}  // namespace qrun
