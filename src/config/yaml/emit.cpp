#include "config/yaml/emit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "config/yaml/names.h"

namespace qrun::config {
namespace {

bool is_one_of(const auto& words, const std::string& text) { return std::ranges::find(words, text) != words.end(); }

/// True for text that reads back as the same text without quotes.
bool is_plain_text(const std::string& text, Quoting quoting) {
  static constexpr std::array<std::string_view, 6> kWords = {"null", "Null", "NULL", "true", "false", "~"};
  static constexpr std::array<std::string_view, 6> kBooleans = {"y", "n", "yes", "no", "on", "off"};
  const auto safe = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '/' || c == '.' || c == '-';
  };
  const std::string lower = lower_case(text);
  const bool is_boolean = is_one_of(kBooleans, lower) || is_one_of(kWords, lower);
  return !text.empty() && (std::isalpha(static_cast<unsigned char>(text.front())) != 0 || text.front() == '/') &&
         std::ranges::all_of(text, safe) && !is_one_of(kWords, text) && (quoting == Quoting::kHashed || !is_boolean);
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

bool is_leaf(const Node& node) { return !node.is_list() && !node.is_map(); }

bool fits_one_line(const Node& node) {
  return is_leaf(node) || (std::ranges::all_of(node.items, is_leaf) &&
                           std::ranges::all_of(node.entries, [](const Entry& e) { return is_leaf(e.value); }));
}

class Emitter {
 public:
  explicit Emitter(Quoting quoting) : quoting_(quoting) {}

  [[nodiscard]] std::string on_one_line(const Node& node) const {
    if (is_leaf(node)) return scalar_text(node);
    std::string text;
    for (const Node& item : node.items) text += (text.empty() ? "" : ", ") + on_one_line(item);
    for (const Entry& entry : node.entries) {
      text += (text.empty() ? "" : ", ") + key_text(entry.key) + ": " + on_one_line(entry.value);
    }
    text.insert(text.begin(), node.is_list() ? '[' : '{');
    return text += node.is_list() ? ']' : '}';
  }

  void block(const Node& node, std::size_t depth, std::string& text) const {
    const std::string indent(2 * depth, ' ');
    for (const Entry& entry : node.entries) {
      text += indent + key_text(entry.key) + ":";
      value(entry.value, depth + 1, text);
    }
    for (const Node& item : node.items) {
      std::string lines;
      block(item, depth + 1, lines);  // the first takes the dash in place of its indent
      text += fmt::format("{}- {}", indent, is_leaf(item) ? scalar_text(item) + "\n" : lines.substr(indent.size() + 2));
    }
  }

 private:
  /// What stands behind `key:`.
  void value(const Node& value, std::size_t depth, std::string& text) const {
    const bool top_level_map = depth == 1 && value.is_map() && !value.entries.empty();
    if (fits_one_line(value) && !top_level_map) {
      text += fmt::format(" {}\n", on_one_line(value));
    } else {
      text += "\n";
      block(value, depth, text);
    }
  }

  [[nodiscard]] std::string scalar_text(const Node& node) const {
    if (node.is_null()) return "null";
    const bool refers = node.scalar.find("${") != std::string::npos;  // its brackets would end a map in one line
    return (!node.quoted && !refers) || is_plain_text(node.scalar, quoting_) ? node.scalar : quote(node.scalar);
  }

  [[nodiscard]] std::string key_text(const std::string& key) const {
    return is_plain_text(key, quoting_) ? key : quote(key);
  }

  Quoting quoting_;
};

}  // namespace

std::string emit_inline(const Node& node) { return Emitter(Quoting::kHashed).on_one_line(node); }

std::string emit(const Node& root, Quoting quoting) {
  std::string text;
  Emitter(quoting).block(root, 0, text);
  return text;
}

}  // namespace qrun::config
