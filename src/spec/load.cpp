#include "spec/load.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "spec/address.h"
#include "spec/document.h"

namespace qrun::spec {
namespace {

namespace fs = std::filesystem;

/// Maps merge, anything else is replaced.
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

class Loader {
 public:
  explicit Loader(Problems& problems) : problems_(problems) {}

  Node load(const std::string& path, const Position& mention, const std::string& key) {
    const std::string text = read_file(path, mention, key);
    std::error_code nameless;  // a pipe has no path that is one file: it can't be its own base
    const fs::path identity = fs::weakly_canonical(path, nameless);
    if (!nameless && std::ranges::find(chain_, identity) != chain_.end()) {
      throw ConfigError(mention, key, path + " is based on itself; end the chain of bases");
    }
    chain_.push_back(identity);
    problems_.add_source(path);
    Node node = parse_document(text, path, problems_);
    if (node.is_null()) node.kind = Node::Kind::kMap;
    if (!node.is_map()) throw ConfigError(node.at, "YAML", "the file is not a map; write keys and values");
    return apply_set(apply_base(std::move(node), path));
  }

 private:
  Node apply_base(Node node, const std::string& path) {
    const Node* base = node.find("base");
    if (base == nullptr) return node;
    if (!base->is_scalar()) throw ConfigError(base->at, "base", "is not text; name one YAML file");
    const std::string below = (fs::path(path).parent_path() / base->scalar).lexically_normal().string();
    Node merged = merge(load(below, base->at, "base"), node);
    merged.erase("base");
    return merged;
  }

  Node apply_set(Node node) {
    const Node* found = node.find("set");
    if (found == nullptr) return node;
    const Node set = *found;
    node.erase("set");
    if (!set.is_map() && !set.is_null()) problems_.add(set, "set", "is not a map; write {address: value}");
    for (const Entry& entry : set.entries) assign(node, {entry.key, entry.key_at, entry.value}, problems_);
    return node;
  }

  Problems& problems_;
  std::vector<fs::path> chain_;
};

}  // namespace

Node load_document(const std::string& path, Problems& problems) {
  return Loader(problems).load(path, {path, 0, 0}, "YAML");
}

}  // namespace qrun::spec
