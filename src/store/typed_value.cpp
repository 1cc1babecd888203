#include "store/typed_value.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "config/yaml/scalars.h"

namespace qrun {
namespace {

/// The text of a scalar in double quotes as it was meant; other text as it is.
std::string unquoted(const std::string& text) {
  if (!text.starts_with('"')) return text;
  const nlohmann::json value = nlohmann::json::parse(text, nullptr, false);
  return value.is_string() ? value.get<std::string>() : text;
}

}  // namespace

TypedValue typed_value(const std::string& yaml_text) {
  if (yaml_text == "true" || yaml_text == "false") return static_cast<std::int8_t>(yaml_text == "true" ? 1 : 0);
  const std::optional<config::Integer> integer = config::parse_integer(yaml_text);
  const bool hexadecimal = yaml_text.find("0x") != std::string::npos;
  if (integer && !integer->too_large && (hexadecimal || yaml_text.find_first_of(".eE") == std::string::npos)) {
    if (integer->magnitude > std::numeric_limits<std::int64_t>::max() && !integer->negative) return integer->magnitude;
    return static_cast<std::int64_t>(integer->negative ? 0 - integer->magnitude : integer->magnitude);
  }
  if (const std::optional<double> number = config::parse_number(yaml_text)) return *number;
  return unquoted(yaml_text);
}

}  // namespace qrun
