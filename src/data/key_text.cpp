#include "data/key_text.h"

#include "core/text.h"

namespace qrun {

std::string key_text(std::string_view key) {
  std::string text(key);
  if (!key.empty() && legible(text, text.size()) == text) return text;
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex = "0x";
  for (const char byte : key) {
    hex += kDigits[static_cast<unsigned char>(byte) >> 4U];
    hex += kDigits[static_cast<unsigned char>(byte) & 15U];
  }
  return hex;
}

}  // namespace qrun
