#include "config/yaml/scalars.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

namespace qrun::config {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t skip_digits(std::string_view text, std::size_t from) {
  while (from < text.size() && is_digit(text[from])) ++from;
  return from;
}

std::string_view without_sign(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  return text;
}

/// `12.5e-3` without its sign as digits 125 and exponent -4.
struct Decimal {
  std::string digits;
  int exponent = 0;
  bool is_whole = true;  // neither point nor exponent was written
};

std::optional<Decimal> parse_decimal(std::string_view text) {
  Decimal decimal;
  const std::size_t whole = skip_digits(text, 0);
  decimal.digits = text.substr(0, whole);
  std::size_t end = whole;
  if (end < text.size() && text[end] == '.') {
    const std::size_t fraction = end + 1;
    end = skip_digits(text, fraction);
    decimal.digits += text.substr(fraction, end - fraction);
    decimal.exponent = -static_cast<int>(end - fraction);
    decimal.is_whole = false;
  }
  if (decimal.digits.empty()) return std::nullopt;
  if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    const std::size_t start = end + (end + 1 < text.size() && text[end + 1] == '+' ? 2 : 1);
    int exponent = 0;
    const auto [rest, error] = std::from_chars(text.data() + start, text.data() + text.size(), exponent);
    constexpr int kLargest = 10000;
    if (error != std::errc() || std::abs(exponent) > kLargest) return std::nullopt;
    decimal.exponent += exponent;
    decimal.is_whole = false;
    end = static_cast<std::size_t>(rest - text.data());
  }
  if (end != text.size()) return std::nullopt;
  return decimal;
}

std::optional<Integer> parse_digits(std::string_view digits, int base, bool negative) {
  Integer integer{.negative = negative};
  const char* const end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, integer.magnitude, base);
  if (error == std::errc::invalid_argument || rest != end) return std::nullopt;
  integer.too_large = error == std::errc::result_out_of_range;
  return integer;
}

}  // namespace

bool has_leading_zero(std::string_view text) {
  text = without_sign(text);
  return text.size() > 1 && text[0] == '0' && is_digit(text[1]);
}

std::optional<Integer> parse_integer(std::string_view text) {
  const bool negative = !text.empty() && text.front() == '-';
  text = without_sign(text);
  if (has_leading_zero(text)) return std::nullopt;
  if (text.starts_with("0x")) return parse_digits(text.substr(2), 16, negative);
  std::optional<Decimal> decimal = parse_decimal(text);
  if (!decimal || (text.find('.') != text.npos && text.find_first_of("eE") == text.npos)) return std::nullopt;
  for (; decimal->exponent < 0 && decimal->digits.ends_with('0'); ++decimal->exponent) decimal->digits.pop_back();
  if (decimal->digits.empty()) return Integer{};  // 0e-5
  if (decimal->exponent < 0) return std::nullopt;
  decimal->digits.append(static_cast<std::size_t>(decimal->exponent), '0');
  return parse_digits(decimal->digits, 10, negative);
}

std::optional<double> parse_number(std::string_view text) {
  const std::string_view digits = without_sign(text);
  if (has_leading_zero(digits)) return std::nullopt;
  const double sign = !text.empty() && text.front() == '-' ? -1.0 : 1.0;
  if (digits.starts_with("0x")) {
    const std::optional<Integer> integer = parse_digits(digits.substr(2), 16, false);
    return integer && !integer->too_large ? std::optional(sign * static_cast<double>(integer->magnitude))
                                          : std::nullopt;
  }
  if (!parse_decimal(digits)) return std::nullopt;
  double value = 0;
  const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || !std::isfinite(value)) return std::nullopt;
  return sign * value;
}

std::string portable_number(std::string_view number) {
  std::string text(number);
  const std::size_t exponent = text.find('e');
  const bool is_hexadecimal = without_sign(number).starts_with("0x");
  if (exponent == text.npos || is_hexadecimal || !parse_number(number)) return text;
  if (is_digit(text[exponent + 1])) text.insert(exponent + 1, "+");
  if (text.find('.') == text.npos) text.insert(exponent, ".0");
  return text;
}

std::string format_number(double value) {
  std::array<char, 32> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return std::string(buffer.data(), end);
}

}  // namespace qrun::config
