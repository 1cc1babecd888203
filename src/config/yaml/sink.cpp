#include "config/yaml/sink.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "config/yaml/names.h"
#include "config/yaml/scalars.h"

namespace qrun::config {
namespace {

constexpr std::size_t kLongestWord = 5;  // false

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_one_of(const auto& words, std::string_view text) { return std::ranges::find(words, text) != words.end(); }

/// True for what YAML, or YAML 1.1, takes for something else than text.
bool is_word(std::string_view text, Quoting quoting) {
  static constexpr std::array<std::string_view, 6> kWords = {"null", "Null", "NULL", "true", "false", "~"};
  static constexpr std::array<std::string_view, 6> kBooleans = {"y", "n", "yes", "no", "on", "off"};
  if (text.size() > kLongestWord) return false;
  if (quoting == Quoting::kHashed) return is_one_of(kWords, text);
  const std::string lower = lower_case(text);
  return is_one_of(kWords, text) || is_one_of(kWords, lower) || is_one_of(kBooleans, lower);
}

/// True for text that reads back as the same text without quotes.
bool needs_no_quotes(std::string_view text, Quoting quoting) {
  const auto safe = [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '/' || c == '.' || c == '-'; };
  return !text.empty() && (is_letter(text.front()) || text.front() == '/') && std::ranges::all_of(text, safe) &&
         !is_word(text, quoting);
}

std::string quote(std::string_view text) {
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

template <class Int>
std::string_view digits_of(Int value, std::array<char, 24>& buffer) {
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), static_cast<std::size_t>(end - buffer.data())};
}

}  // namespace

std::string quote_if_needed(std::string_view text, Quoting quoting) {
  return needs_no_quotes(text, quoting) ? std::string(text) : quote(text);
}

std::string plain_text(std::string_view text, Quoting quoting) {
  if (text.find("${") != text.npos) return quote(text);
  return quoting == Quoting::kPortable ? portable_number(text) : std::string(text);
}

void Sink::number(double value) { plain(format_number(value)); }

void Sink::integer(std::int64_t value) {
  std::array<char, 24> buffer{};
  plain(digits_of(value, buffer));
}

void Sink::integer(std::uint64_t value) {
  std::array<char, 24> buffer{};
  plain(digits_of(value, buffer));
}

void TextSink::begin_line() {
  lines_.push_back(text_.size());
  text_.append(indent(), ' ');
}

void TextSink::key(std::string_view name) {
  begin_line();
  if (needs_no_quotes(name, quoting_)) {
    text_ += name;
  } else {
    text_ += quote(name);
  }
  text_ += ':';
}

void TextSink::scalar(std::string_view text) {
  if (open_.back().kind == Collection::kList) {
    begin_line();
    text_ += '-';
  }
  text_.append(" ").append(text).append("\n");
}

void TextSink::text(std::string_view text) {
  if (needs_no_quotes(text, quoting_)) return scalar(text);
  scalar(quote(text));
}

void TextSink::plain(std::string_view text) { scalar(plain_text(text, quoting_)); }
void TextSink::null() { scalar("null"); }

void TextSink::open(Collection kind) {
  const bool in_list = !open_.empty() && open_.back().kind == Collection::kList;
  if (!open_.empty()) open_.back().is_flat = false;
  if (in_list) lines_.push_back(text_.size());
  const std::size_t key_end = text_.size();
  if (!open_.empty() && !in_list) text_ += '\n';
  open_.push_back({.kind = kind, .in_list = in_list, .key_end = key_end, .first_line = lines_.size()});
}

void TextSink::close() {
  const Open closed = open_.back();
  const std::size_t inner = indent();
  open_.pop_back();
  if (open_.empty()) return;
  const bool is_empty = lines_.size() == closed.first_line;
  const bool is_section = open_.size() == 1 && closed.kind == Collection::kMap;
  if (is_empty) {
    text_.resize(closed.key_end);
    if (closed.in_list) text_.append(indent(), ' ').append("-");
    text_ += closed.kind == Collection::kMap ? " {}\n" : " []\n";
  } else if (closed.in_list) {
    text_[closed.key_end + indent()] = '-';  // in place of the first line's indent
  } else if (closed.is_flat && !is_section) {
    join_lines(closed, inner);
  }
  lines_.resize(closed.first_line);
}

void TextSink::join_lines(const Open& flat, std::size_t indent) {
  const bool is_map = flat.kind == Collection::kMap;
  const std::size_t lead = indent + (is_map ? 0 : 2);
  std::string joined(is_map ? " {" : " [");
  for (std::size_t i = flat.first_line; i < lines_.size(); ++i) {
    const std::size_t begin = lines_[i] + lead;
    const std::size_t end = (i + 1 < lines_.size() ? lines_[i + 1] : text_.size()) - 1;
    if (i > flat.first_line) joined += ", ";
    joined.append(text_, begin, end - begin);
  }
  text_.resize(flat.key_end);
  text_.append(joined).append(is_map ? "}\n" : "]\n");
}

void TreeSink::open(Collection kind) {
  open_.push_back(kind == Collection::kMap ? map_node({}) : list_node({}));
  keys_.emplace_back();
}

void TreeSink::close() {
  Node closed = std::move(open_.back());
  open_.pop_back();
  keys_.pop_back();
  add(std::move(closed));
}

void TreeSink::add(Node node) {
  if (open_.empty()) {
    root_ = std::move(node);
  } else if (open_.back().is_list()) {
    open_.back().items.push_back(std::move(node));
  } else {
    open_.back().add(keys_.back(), std::move(node));
  }
}

}  // namespace qrun::config
