// What is wrong with text that is no YAML, in words that help to mend it.
#pragma once

#include <yaml-cpp/exceptions.h>

#include <cstddef>
#include <optional>
#include <string>

#include "core/error.h"

namespace qrun::config {

/// Where the parser stood when it gave up.
struct SyntaxContext {
  const std::string& text;
  const std::string& file;
  std::optional<Position> open_bracket;  // of the innermost list or map in brackets
  bool open_is_map = false;
  Position last;  // of the last value that was read
};

/// How the mistake of `{bits: ${w}}` begins, whose inner bracket YAML takes for a map.
inline constexpr const char* kBareVariable = "a variable between brackets stands in quotes; write ";

[[nodiscard]] ConfigError explain(const YAML::Exception& error, const SyntaxContext& context);

/// The first byte that is not UTF-8, or is a control character other than tab and line break.
[[nodiscard]] std::optional<std::size_t> find_bad_character(const std::string& text);

/// Line and column of a byte of the text.
[[nodiscard]] Position position_of(const std::string& text, const std::string& file, std::size_t byte);

}  // namespace qrun::config
