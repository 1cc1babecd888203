#include "config/yaml/load.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <vector>

#include "config/given.h"
#include "config/yaml/address.h"
#include "config/yaml/document.h"
#include "config/yaml/variables.h"
#include "core/home.h"

namespace qrun::config {
namespace {

namespace fs = std::filesystem;

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
    const std::optional<std::string> name = name_of_base(*base);
    if (!name) return node;
    const std::string below = (fs::path(path).parent_path() / *name).lexically_normal().string();
    Node merged = merge(load(below, base->at, "base"), node);
    merged.erase("base");
    return merged;
  }

  /// The file that is named: nothing where the environment lacks a variable (then reported).
  std::optional<std::string> name_of_base(const Node& base) {
    Node named = base;
    for (std::size_t at = named.scalar.find("${"); at != std::string::npos; at = named.scalar.find("${", at + 1)) {
      if (named.scalar.compare(at, 6, "${env:") != 0)
        throw ConfigError(base.at, "base",
                          base.scalar + " is read before vars are; of variables, ${env:NAME} can stand here");
    }
    fill_in_variables(named, "base", Node{}, {}, problems_);
    if (named.is_broken()) return std::nullopt;
    if (const std::string problem = path_problem(named.scalar); !problem.empty())
      throw ConfigError(base.at, "base", problem);
    return expand_home(named.scalar);
  }

  Node apply_set(Node node) {
    const Node* found = node.find("set");
    if (found == nullptr) return node;
    const Node set = *found;
    node.erase("set");
    if (!set.is_map() && !set.is_null()) problems_.add(set, "set", "is not a map; write {address: value}");
    GivenValues given;
    for (const Entry& entry : set.entries) {
      const Assignment assignment{entry.key, entry.key_at, entry.value};
      if (const auto lost = given.add(node, assignment)) {
        problems_.add(lost->at, lost->address,
                      "is set, and replaced by " + entry.key + " behind it; keep one of the two");
      } else {
        assign(node, assignment, MapValue::kReplaces, problems_);
      }
    }
    return node;
  }

  Problems& problems_;
  std::vector<fs::path> chain_;
};

}  // namespace

Node load_document(const std::string& path, Problems& problems) {
  return Loader(problems).load(path, {path, 0, 0}, "YAML");
}

}  // namespace qrun::config
