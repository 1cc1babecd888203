#include "config/yaml/syntax.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "core/text.h"

namespace qrun::config {
namespace {

constexpr const char* kKey = "YAML";

/// The parser's words, and what they mean to whoever wrote the file.
constexpr std::array<std::pair<std::string_view, const char*>, 6> kMeanings = {{
    {"illegal map value", "a key can't stand here; check the indentation, or put a text that holds a colon in quotes"},
    {"end of map not found",
     "this line is no `key: value` beside those before it; check its colon and its indentation"},
    {"end of sequence not found", "this line is no item beside those before it; check its dash and its indentation"},
    {"illegal flow end", "this bracket closes nothing; remove it, or close the one that is open"},
    {"unknown token", "no value starts with this character; put the value in quotes"},
    {"the referenced anchor is not defined", "no anchor of this name comes before; check its name"},
}};

std::size_t byte_of(const std::string& text, const Position& at) {
  std::size_t start = 0;
  for (int line = 1; line < at.line && start != text.npos; ++line) {
    start = text.find('\n', start);
    if (start != text.npos) ++start;
  }
  return start == text.npos ? text.size()
                            : std::min(text.size(), start + static_cast<std::size_t>(std::max(at.column, 1) - 1));
}

/// The first quote behind `from` that starts a value.
std::optional<std::size_t> find_quote(const std::string& text, std::size_t from) {
  for (std::size_t i = from; i < text.size(); ++i) {
    const bool starts = i == 0 || std::string_view(" \t\n[{,:").find(text[i - 1]) != std::string_view::npos;
    if (!starts) continue;
    if (text[i] == '"' || text[i] == '\'') return i;
    if (text[i] == '#') i = std::min(text.find('\n', i), text.size());
  }
  return std::nullopt;
}

/// A tab in the indent of a line.
std::optional<std::size_t> find_tab(const std::string& text, int line) {
  const std::size_t start = byte_of(text, {{}, line, 1});
  const std::size_t end = std::min(text.find_first_not_of(" \t", start), text.size());
  const std::size_t tab = text.find('\t', start);
  return tab < end ? std::optional(tab) : std::nullopt;
}

/// A character that shows nothing, or passes for a blank, ahead of the line's comment.
std::optional<std::size_t> find_invisible_in_line(const std::string& text, int line) {
  const std::size_t start = byte_of(text, {{}, line, 1});
  const std::string_view rest = std::string_view(text).substr(start);
  const std::string_view content = rest.substr(0, rest.find('\n'));
  const std::size_t at = find_invisible(content.substr(0, content.find(" #")));
  return at == rest.npos ? std::nullopt : std::optional(start + at);
}

/// The `${` whose bracket the parser stumbled over at `at`.
std::optional<std::size_t> find_bare_variable(const std::string& text, const Position& at) {
  const std::size_t bracket = byte_of(text, at);
  const bool is_there = bracket > 0 && bracket < text.size() && text[bracket] == '{' && text[bracket - 1] == '$';
  return is_there ? std::optional(bracket - 1) : std::nullopt;
}

std::string brackets(const SyntaxContext& context, const Position& at) {
  return std::string(context.open_is_map ? "{" : "[") + " is not closed before " + std::to_string(at.line) + ":" +
         std::to_string(at.column) + "; check its commas and the closing " + (context.open_is_map ? "}" : "]");
}

}  // namespace

ConfigError explain(const YAML::Exception& error, const SyntaxContext& context) {
  const Position at = error.mark.is_null() ? Position{context.file, 1, 1}
                                           : Position{context.file, error.mark.line + 1, error.mark.column + 1};
  for (const int line : {at.line, at.line - 1}) {
    const std::optional<std::size_t> tab = line > 0 ? find_tab(context.text, line) : std::nullopt;
    if (tab) {
      return {position_of(context.text, context.file, *tab), kKey, "a tab indents this line; indent with spaces"};
    }
    const std::optional<std::size_t> invisible = line > 0 ? find_invisible_in_line(context.text, line) : std::nullopt;
    if (invisible) {
      const std::size_t length = character_length(std::string_view(context.text).substr(*invisible));
      return {position_of(context.text, context.file, *invisible), kKey,
              context.text.substr(*invisible, length) +
                  " is no blank of YAML; write a blank, or put a text that holds it in quotes"};
    }
  }
  if (const auto variable = find_bare_variable(context.text, at)) {
    const std::size_t end = context.text.find_first_of("}\n", *variable);
    const std::string name = context.text.substr(*variable + 2, std::min(end, context.text.size()) - *variable - 2);
    return {position_of(context.text, context.file, *variable), kKey, kBareVariable + ("\"${" + name + "}\"")};
  }
  if (error.msg.find("flow not found") != std::string::npos && context.open_bracket)
    return {*context.open_bracket, kKey, brackets(context, at)};
  if (error.msg == "illegal EOF in scalar") {
    if (const auto quote = find_quote(context.text, byte_of(context.text, context.last)))
      return {position_of(context.text, context.file, *quote), kKey,
              "this quote is never closed; write the closing one"};
  }
  const auto* const known = std::ranges::find(kMeanings, error.msg, &std::pair<std::string_view, const char*>::first);
  if (known != kMeanings.end()) return {at, kKey, known->second};
  return {at, kKey, error.msg + "; check indentation, brackets and quotes here and just before"};
}

std::optional<std::size_t> find_bad_character(const std::string& text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool is_control = (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
    const std::size_t length = is_control ? 0 : character_length(std::string_view(text).substr(i));
    if (length == 0) return i;
    i += length;
  }
  return std::nullopt;
}

Position position_of(const std::string& text, const std::string& file, std::size_t byte) {
  const auto begin = text.begin();
  const auto line = std::count(begin, begin + static_cast<std::ptrdiff_t>(byte), '\n');
  const std::size_t newline = byte == 0 ? text.npos : text.rfind('\n', byte - 1);
  const std::size_t start = newline == text.npos ? 0 : newline + 1;
  return {file, static_cast<int>(line) + 1, static_cast<int>(byte - start) + 1};
}

}  // namespace qrun::config
