#include "core/text.h"

#include <fmt/format.h>

namespace qrun {
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

std::string escape(char c) {
  if (c == '\n') return "\\n";
  if (c == '\t') return "\\t";
  return fmt::format("\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
}

/// The start of the character that holds byte `at`.
std::size_t character_at(const std::string& text, std::size_t at) {
  while (at > 0 && continues(text[at])) --at;
  return at;
}

/// What the first byte says; overlong forms and what lies beyond Unicode have none.
std::size_t announced_length(unsigned char first) {
  if (first < 0x80) return 1;
  if (first < 0xC2) return 0;
  if (first < 0xE0) return 2;
  if (first < 0xF0) return 3;
  return first < 0xF5 ? 4 : 0;
}

}  // namespace

std::size_t character_length(std::string_view text) {
  const std::size_t length = text.empty() ? 0 : announced_length(static_cast<unsigned char>(text[0]));
  if (length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (!continues(text[i])) return 0;
  }
  return length;
}

std::string legible(const std::string& text, std::size_t most) {
  std::string shown = text;
  if (text.size() > most) {
    const std::size_t half = most / 2;
    shown = text.substr(0, character_at(text, half)) + " ... " + text.substr(character_at(text, text.size() - half));
  }
  std::string line;
  for (std::size_t i = 0; i < shown.size();) {
    const std::size_t length = is_control(shown[i]) ? 0 : character_length(std::string_view(shown).substr(i));
    line += length == 0 ? escape(shown[i]) : shown.substr(i, length);
    i += length == 0 ? 1 : length;
  }
  return line;
}

}  // namespace qrun
