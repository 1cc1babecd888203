// Names: what may be one, which one was meant, which ones a pattern matches.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace qrun::config {

/// True for letters, digits, `_`, `-`, and those in `extra`; 1 to 100 characters, not starting with a dot.
[[nodiscard]] bool is_name(std::string_view text, std::string_view extra);

[[nodiscard]] std::string lower_case(std::string_view text);

/// True where `pattern` contains `*` (any characters) or `?` (one character).
[[nodiscard]] bool is_pattern(std::string_view pattern);
[[nodiscard]] bool matches(std::string_view pattern, std::string_view name);

/// True where the dotted `address` is what `pattern`, an address with globs, names, or is a part of that.
[[nodiscard]] bool covers(std::string_view pattern, std::string_view address);

/// Returns `did you mean lr?`, or `one of lr, momentum` where none is near.
[[nodiscard]] std::string suggest(std::string_view name, const std::vector<std::string>& known);

/// Returns at most `count` of the known names, the nearest first; those that begin like `name` come before others.
[[nodiscard]] std::vector<std::string> nearest(std::string_view name, std::vector<std::string> known,
                                               std::size_t count);

/// Returns the names as `a, b, c`.
[[nodiscard]] std::string join(const std::vector<std::string>& names);

/// The parts of a dotted text; at least one.
[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);

}  // namespace qrun::config
