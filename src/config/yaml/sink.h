// What a tree of keys and values is written into, value by value: text, or a document tree.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/yaml/node.h"

namespace qrun::config {

/// Takes a map with its keys in order. In a map each value, scalar or collection, follows its key.
class Sink {
 public:
  enum class Collection : std::uint8_t { kMap, kList };

  virtual ~Sink() = default;
  virtual void key(std::string_view name) = 0;
  /// Takes text, whatever it looks like.
  virtual void text(std::string_view text) = 0;
  /// Takes the text of a number, true or false.
  virtual void plain(std::string_view text) = 0;
  virtual void null() = 0;
  virtual void open(Collection kind) = 0;
  virtual void close() = 0;

  void number(double value);
  void integer(std::int64_t value);
  void integer(std::uint64_t value);
  void boolean(bool value) { plain(value ? "true" : "false"); }

 protected:
  Sink() = default;
  Sink(const Sink&) = default;
  Sink& operator=(const Sink&) = default;
};

/// How scalars are written as text.
enum class Quoting : std::uint8_t {
  kHashed,    // as the first release had it: ids are hashes of such text
  kDocument,  // words that YAML 1.1 takes for booleans are quoted, too: what is read by others
  kPortable,  // so are they here, and numbers are written as YAML 1.1 reads them
};

/// YAML text in block style: the same values, the same bytes. A collection of scalars below the second level takes one
/// line. The outermost collection is a map.
class TextSink final : public Sink {
 public:
  explicit TextSink(Quoting quoting) : quoting_(quoting) {}

  void key(std::string_view name) override;
  void text(std::string_view text) override;
  void plain(std::string_view text) override;
  void null() override;
  void open(Collection kind) override;
  void close() override;

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  struct Open {
    Collection kind{};
    bool in_list = false;        // an item of a list keeps its lines
    std::size_t key_end = 0;     // where the key that it follows ended
    std::size_t first_line = 0;  // of lines_
    bool is_flat = true;         // all of its values are scalars
  };

  [[nodiscard]] std::size_t indent() const { return 2 * (open_.size() - 1); }
  void begin_line();
  void scalar(std::string_view text);
  void join_lines(const Open& flat, std::size_t indent);

  Quoting quoting_;
  std::string text_;
  std::vector<Open> open_;
  std::vector<std::size_t> lines_;  // of all open collections: where the line of each value begins
};

/// The document tree of the same values.
class TreeSink final : public Sink {
 public:
  void key(std::string_view name) override { keys_.back() = name; }
  void text(std::string_view text) override { add(text_node(std::string(text))); }
  void plain(std::string_view text) override { add(plain_node(std::string(text))); }
  void null() override { add({}); }
  void open(Collection kind) override;
  void close() override;

  [[nodiscard]] Node take() { return std::move(root_); }

 private:
  void add(Node node);

  Node root_;
  std::vector<Node> open_;
  std::vector<std::string> keys_;  // of each open collection, that of its next value
};

/// Text in quotes, unless it reads back as the same text without.
[[nodiscard]] std::string quote_if_needed(std::string_view text, Quoting quoting);
/// The text of a number, true or false: as it is, but for a variable, whose brackets would end a map in one line.
[[nodiscard]] std::string plain_text(std::string_view text, Quoting quoting);

}  // namespace qrun::config
