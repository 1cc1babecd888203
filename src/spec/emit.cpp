#include "spec/emit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "spec/scalars.h"

namespace qrun::spec {
namespace {

/// True for text that reads back as the same text without quotes.
bool is_plain_text(const std::string& text) {
  static constexpr std::array<std::string_view, 6> kWords = {"null", "Null", "NULL", "true", "false", "~"};
  const auto safe = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '/' || c == '.' || c == '-';
  };
  return !text.empty() && (std::isalpha(static_cast<unsigned char>(text.front())) != 0 || text.front() == '/') &&
         std::ranges::all_of(text, safe) && std::ranges::find(kWords, text) == kWords.end();
}

std::string quote(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
    } else {
      quoted += c;
    }
  }
  quoted += '"';
  return quoted;
}

std::string scalar_text(const Node& node) {
  if (node.is_null()) return "null";
  const bool refers = node.scalar.find("${") != std::string::npos;  // its brackets would end a map in one line
  return (!node.quoted && !refers) || is_plain_text(node.scalar) ? node.scalar : quote(node.scalar);
}

std::string key_text(const std::string& key) { return is_plain_text(key) ? key : quote(key); }

bool is_leaf(const Node& node) { return !node.is_list() && !node.is_map(); }

bool fits_one_line(const Node& node) {
  return is_leaf(node) || (std::ranges::all_of(node.items, is_leaf) &&
                           std::ranges::all_of(node.entries, [](const Entry& e) { return is_leaf(e.value); }));
}

void emit_block(const Node& node, std::size_t depth, std::string& text);

/// What stands behind `key:` or `-`.
void emit_value(const Node& value, std::size_t depth, std::string& text) {
  const bool top_level_map = depth == 1 && value.is_map() && !value.entries.empty();
  if (fits_one_line(value) && !top_level_map) {
    text += fmt::format(" {}\n", emit_inline(value));
  } else {
    text += "\n";
    emit_block(value, depth, text);
  }
}

void emit_block(const Node& node, std::size_t depth, std::string& text) {
  const std::string indent(2 * depth, ' ');
  for (const Entry& entry : node.entries) {
    text += indent + key_text(entry.key) + ":";
    emit_value(entry.value, depth + 1, text);
  }
  for (const Node& item : node.items) {
    std::string block;
    emit_block(item, depth + 1, block);  // its first line takes the dash in place of its indent
    text += fmt::format("{}- {}", indent, is_leaf(item) ? emit_inline(item) + "\n" : block.substr(indent.size() + 2));
  }
}

}  // namespace

std::string emit_inline(const Node& node) {
  if (is_leaf(node)) return scalar_text(node);
  std::string text;
  for (const Node& item : node.items) text += (text.empty() ? "" : ", ") + emit_inline(item);
  for (const Entry& entry : node.entries) {
    text += (text.empty() ? "" : ", ") + key_text(entry.key) + ": " + emit_inline(entry.value);
  }
  text.insert(text.begin(), node.is_list() ? '[' : '{');
  return text += node.is_list() ? ']' : '}';
}

std::string emit(const Node& root) {
  std::string text;
  emit_block(root, 0, text);
  return text;
}

}  // namespace qrun::spec
