// Collects the mistakes of a configuration, so that independent ones are reported together, each once.
#pragma once

#include <string>
#include <vector>

#include "config/yaml/node.h"

namespace qrun::config {

class Problems {
 public:
  /// Lines are sorted by source in the order of these calls, then by line and column.
  void add_source(const std::string& file) { sources_.push_back(file); }

  /// Adds a problem; `text`: what is wrong; what would be right. The same text at the same place is kept once.
  void add(const Position& at, const std::string& key, const std::string& text);

  /// Adds a problem at the node; what came from a variable is reported once, at its definition, whatever uses it.
  void add(const Node& node, const std::string& key, const std::string& text);

  /// True where this text was said of any place.
  [[nodiscard]] bool has(const std::string& text) const;

  [[nodiscard]] bool empty() const { return problems_.empty(); }

  /// Throws ConfigError with all lines if there is any.
  void throw_if_any() const;

  struct Problem {
    Position at;
    std::string key;
    std::string text;
  };
  [[nodiscard]] std::vector<Problem> at(const Position& place) const;

 private:
  static constexpr std::size_t kMost = 1000;  // enough to read; the search ends there

  void push(Problem problem);
  [[nodiscard]] std::size_t rank(const Problem& problem) const;

  std::vector<std::string> sources_;
  std::vector<Problem> problems_;
};

}  // namespace qrun::config
