#include "config/yaml/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "config/yaml/names.h"
#include "config/yaml/scalars.h"

namespace qrun::config {

std::string Value::address() const {
  if (parent == nullptr) return std::string(key);
  if (!parent->node.is_list()) return key_address(parent->address(), key);
  return item_address(parent->address(), parent->node, static_cast<std::size_t>(&node - parent->node.items.data()));
}

void Value::fail(const std::string& text) const {
  if (!node.is_broken()) problems.add(node, address(), text);
}

void Value::fail_kind(const std::string& wanted) const {
  const char* const is = node.is_list() ? "is a list" : node.is_map() ? "is a map" : "is empty";
  fail((node.is_scalar() ? node.scalar + " is a single value" : is) + ("; " + wanted));
}

std::string to_string(const IntRange& range) { return fmt::format("[{}, {}]", range.min, range.max); }

std::string to_string(const NumberRange& range) {
  return fmt::format("{}{}, {}{}", range.low_open ? '(' : '[', format_number(range.low), format_number(range.high),
                     range.high_open ? ')' : ']');
}

std::optional<std::uint64_t> read_integer(const Value& value, const IntRange& range, const std::string& whose) {
  const Node& node = value.node;
  if (!node.is_scalar()) {
    value.fail_kind("an integer is wanted");
    return std::nullopt;
  }
  const std::optional<Integer> integer = node.quoted ? std::nullopt : parse_integer(node.scalar);
  if (!integer) {
    if (node.quoted && parse_integer(node.scalar)) {
      value.fail("\"" + node.scalar + "\" is text; write the integer without quotes");
    } else if (has_leading_zero(node.scalar)) {
      value.fail(node.scalar + " has a leading zero; write a decimal integer without it, or 0x");
    } else {
      value.fail(node.scalar + " is not an integer; write one in decimal or 0x");
    }
    return std::nullopt;
  }
  const bool negative = integer->negative && integer->magnitude != 0;
  if (negative || integer->too_large || integer->magnitude < range.min || integer->magnitude > range.max) {
    value.fail(node.scalar + " is outside " + to_string(range) + whose);
    return std::nullopt;
  }
  return integer->magnitude;
}

std::optional<double> read_number(const Value& value, const NumberRange& range) {
  const Node& node = value.node;
  if (!node.is_scalar()) {
    value.fail_kind("a number is wanted");
    return std::nullopt;
  }
  const std::optional<double> number = node.quoted ? std::nullopt : parse_number(node.scalar);
  if (!number) {
    if (node.quoted && parse_number(node.scalar)) {
      value.fail("\"" + node.scalar + "\" is text; write the number without quotes");
    } else if (has_leading_zero(node.scalar)) {
      value.fail(node.scalar + " has a leading zero; write the number without it");
    } else {
      value.fail(node.scalar + " is not a finite number; write one such as 0.01 or 1.0e-4");
    }
    return std::nullopt;
  }
  const bool too_low = range.low_open ? *number <= range.low : *number < range.low;
  const bool too_high = range.high_open ? *number >= range.high : *number > range.high;
  if (too_low || too_high) {
    value.fail(node.scalar + " is outside " + to_string(range));
    return std::nullopt;
  }
  return *number == 0 ? 0.0 : *number;  // -0 and 0 are one value, one text, one hash
}

std::optional<bool> read_boolean(const Value& value) {
  const Node& node = value.node;
  if (!node.is_scalar()) {
    value.fail_kind("true or false is wanted");
    return std::nullopt;
  }
  if (!node.quoted && node.scalar == "true") return true;
  if (!node.quoted && node.scalar == "false") return false;
  value.fail((node.quoted ? "\"" + node.scalar + "\"" : node.scalar) + " is not a boolean; write true or false");
  return std::nullopt;
}

std::optional<std::string> read_text(const Value& value) {
  const std::string& text = value.node.scalar;
  const auto is_control = [](unsigned char c) { return std::iscntrl(c) != 0 && c != '\t'; };
  if (value.node.is_scalar() && std::ranges::any_of(text, is_control)) {
    value.fail(text + " holds a line break or another control character; text on one line is wanted");
  } else if (value.node.is_scalar() && !text.empty()) {
    return text;
  } else if (value.node.is_scalar()) {
    value.fail("is empty; text is wanted");
  } else {
    value.fail_kind("text is wanted");
  }
  return std::nullopt;
}

std::optional<std::size_t> read_choice(const Value& value, std::span<const char* const> names) {
  const std::string& text = value.node.scalar;
  const auto found = std::ranges::find(names, text, [](const char* name) { return std::string_view(name); });
  if (value.node.is_scalar() && found != names.end()) return static_cast<std::size_t>(found - names.begin());
  const std::vector<std::string> known(names.begin(), names.end());
  if (!value.node.is_scalar()) {
    value.fail_kind((known.size() == 1 ? "" : "one of ") + join(known));
  } else {
    value.fail(text + " is not known; " + suggest(text, known));
  }
  return std::nullopt;
}

}  // namespace qrun::config
