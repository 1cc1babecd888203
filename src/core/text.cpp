#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace qrun {
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

std::string escape(char c) {
  if (c == '\n') return "\\n";
  if (c == '\t') return "\\t";
  return fmt::format("\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
}

struct CharacterRange {
  char32_t first, last;
};

/// Unicode 15: blanks other than U+0020, controls and what is ignored by default, and letters that are drawn blank.
constexpr std::array<CharacterRange, 22> kInvisible = {{
    {0x0080, 0x00A0},   {0x00AD, 0x00AD},   {0x034F, 0x034F},   {0x061C, 0x061C},   {0x115F, 0x1160}, {0x1680, 0x1680},
    {0x17B4, 0x17B5},   {0x180B, 0x180F},   {0x2000, 0x200F},   {0x2028, 0x202F},   {0x205F, 0x206F}, {0x2800, 0x2800},
    {0x3000, 0x3000},   {0x3164, 0x3164},   {0xFE00, 0xFE0F},   {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB},
    {0x1BCA0, 0x1BCA3}, {0x1D159, 0x1D159}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
}};

/// The code point of one character of UTF-8.
char32_t code_point(std::string_view character) {
  constexpr std::array<unsigned char, 5> kFirstBits = {0, 0x7F, 0x1F, 0x0F, 0x07};
  char32_t code = static_cast<unsigned char>(character[0]) & kFirstBits.at(character.size());
  for (const char c : character.substr(1)) code = (code << 6U) | (static_cast<unsigned char>(c) & 0x3FU);
  return code;
}

bool is_invisible(std::string_view character) {
  const char32_t code = code_point(character);
  return std::ranges::any_of(kInvisible, [&](const CharacterRange& r) { return r.first <= code && code <= r.last; });
}

/// The character of `length` bytes at `at` as it is shown; length 0: a byte that has to be escaped.
std::string shown(std::string_view text, std::size_t at, std::size_t length) {
  if (length == 0) return escape(text[at]);
  const std::string_view character = text.substr(at, length);
  if (!is_invisible(character)) return std::string(character);
  return fmt::format("<U+{:04X}>", static_cast<std::uint32_t>(code_point(character)));
}

/// The start of the character that holds byte `at`.
std::size_t character_at(const std::string& text, std::size_t at) {
  while (at > 0 && continues(text[at])) --at;
  return at;
}

/// Returns the length that the first byte says; overlong forms and what lies beyond Unicode have none.
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

std::size_t find_invisible(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = character_length(text.substr(i));
    if (length > 0 && is_invisible(text.substr(i, length))) return i;
    i += std::max<std::size_t>(length, 1);
  }
  return text.npos;
}

std::string legible(const std::string& text, std::size_t most) {
  std::string kept = text;
  if (text.size() > most) {
    const std::size_t half = most / 2;
    kept = text.substr(0, character_at(text, half)) + " ... " + text.substr(character_at(text, text.size() - half));
  }
  std::string line;
  for (std::size_t i = 0; i < kept.size();) {
    const std::size_t length = is_control(kept[i]) ? 0 : character_length(std::string_view(kept).substr(i));
    line += shown(kept, i, length);
    i += length == 0 ? 1 : length;
  }
  return line;
}

}  // namespace qrun
