// The document tree of a configuration: YAML without its typing surprises, every node with its position.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"

namespace qrun::config {

struct Entry;

struct Node {
  enum class Kind : std::uint8_t {
    kNull,
    kScalar,
    kList,
    kMap,
    kBroken,  // a mistake that was already reported: readers pass over it
  };

  Kind kind = Kind::kNull;
  std::string scalar;
  bool quoted = false;         // text whatever it looks like
  std::vector<Node> items;     // of a list
  std::vector<Entry> entries;  // of a map, in the order of the file, keys unique
  Position at;
  std::string origin;  // the address of the variable that this came from, `vars.w_bits`, or empty

  [[nodiscard]] bool is_null() const { return kind == Kind::kNull; }
  [[nodiscard]] bool is_scalar() const { return kind == Kind::kScalar; }
  [[nodiscard]] bool is_list() const { return kind == Kind::kList; }
  [[nodiscard]] bool is_map() const { return kind == Kind::kMap; }
  [[nodiscard]] bool is_broken() const { return kind == Kind::kBroken; }

  /// The value of a key of a map, or nullptr.
  [[nodiscard]] const Node* find(std::string_view key) const;
  [[nodiscard]] Node* find(std::string_view key);
  /// Adds a key that the map has not got.
  void add(std::string key, Node value, Position key_at = {});
  void erase(std::string_view key);
};

struct Entry {
  std::string key;
  Position key_at;
  Node value;
};

[[nodiscard]] Node text_node(std::string text);
/// A scalar whose text is a number, true or false.
[[nodiscard]] Node plain_node(std::string text);
[[nodiscard]] Node list_node(std::vector<Node> items);
[[nodiscard]] Node map_node(std::vector<std::pair<std::string, Node>> entries);

/// Returns `over` laid on `base`: maps merge, anything else is replaced.
[[nodiscard]] Node merge(Node base, const Node& over);

/// Nodes of the tree, map keys counted too.
[[nodiscard]] std::size_t count_nodes(const Node& node);

/// The dotted address of a list's item: a map with a name goes by it, anything else by its index.
[[nodiscard]] std::string item_address(const std::string& list_address, const Node& list, std::size_t index);

/// The address of a map's value: `solver.lr`, or `solver` below the root, whose address is empty.
[[nodiscard]] std::string key_address(const std::string& map_address, std::string_view key);

}  // namespace qrun::config
