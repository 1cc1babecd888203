// Text to numbers and back, stricter than YAML: `010` is a mistake, `1e3` an integer where one is wanted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace qrun::config {

struct Integer {
  bool negative = false;
  bool too_large = false;  // beyond 64 bits; then `magnitude` means nothing
  std::uint64_t magnitude = 0;
};

/// Reads an integer: decimal without leading zeros, 0x, or with an exponent that leaves an integer.
[[nodiscard]] std::optional<Integer> parse_integer(std::string_view text);

/// Reads a finite number.
[[nodiscard]] std::optional<double> parse_number(std::string_view text);

/// True for `010`, `-007`, `00.5`.
[[nodiscard]] bool has_leading_zero(std::string_view text);

/// The shortest text that reads back to the same number.
[[nodiscard]] std::string format_number(double value);

/// A number of this format as YAML 1.1 takes it for one, too: `1.0e-05` for `1e-05`.
[[nodiscard]] std::string portable_number(std::string_view number);

}  // namespace qrun::config
