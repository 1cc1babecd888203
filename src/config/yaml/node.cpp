#include "config/yaml/node.h"

#include <algorithm>

namespace qrun::config {

const Node* Node::find(std::string_view key) const {
  const auto entry = std::ranges::find(entries, key, &Entry::key);
  return entry == entries.end() ? nullptr : &entry->value;
}

Node* Node::find(std::string_view key) {
  const auto entry = std::ranges::find(entries, key, &Entry::key);
  return entry == entries.end() ? nullptr : &entry->value;
}

void Node::add(std::string key, Node value, Position key_at) {
  entries.push_back({std::move(key), std::move(key_at), std::move(value)});
}

void Node::erase(std::string_view key) {
  std::erase_if(entries, [&](const Entry& entry) { return entry.key == key; });
}

Node text_node(std::string text) {
  Node node;
  node.kind = Node::Kind::kScalar;
  node.scalar = std::move(text);
  node.quoted = true;
  return node;
}

Node plain_node(std::string text) {
  Node node = text_node(std::move(text));
  node.quoted = false;
  return node;
}

Node list_node(std::vector<Node> items) {
  Node node;
  node.kind = Node::Kind::kList;
  node.items = std::move(items);
  return node;
}

Node map_node(std::vector<std::pair<std::string, Node>> entries) {
  Node node;
  node.kind = Node::Kind::kMap;
  for (std::pair<std::string, Node>& entry : entries) node.add(std::move(entry.first), std::move(entry.second));
  return node;
}

Node merge(Node base, const Node& over) {
  if (!base.is_map() || !over.is_map()) return over;
  base.at = over.at;
  for (const Entry& entry : over.entries) {
    if (Node* below = base.find(entry.key); below != nullptr) {
      *below = merge(std::move(*below), entry.value);
    } else {
      base.entries.push_back(entry);
    }
  }
  return base;
}

std::size_t count_nodes(const Node& node) {
  std::size_t count = 1;
  for (const Node& item : node.items) count += count_nodes(item);
  for (const Entry& entry : node.entries) count += 1 + count_nodes(entry.value);
  return count;
}

std::string item_address(const std::string& list_address, const Node& list, std::size_t index) {
  const Node* name = list.items[index].find("name");
  if (name != nullptr && name->is_scalar()) return key_address(list_address, name->scalar);
  return list_address + "[" + std::to_string(index) + "]";
}

std::string key_address(const std::string& map_address, std::string_view key) {
  return map_address.empty() ? std::string(key) : map_address + "." + std::string(key);
}

}  // namespace qrun::config
