#include "config/yaml/references.h"

#include <algorithm>

namespace qrun::config {

std::optional<Reference> find_reference(const Node& node, const std::string& address,
                                        const std::set<std::string>& variables) {
  const auto refers = [&](const std::string& name) { return node.scalar.find("${" + name + "}") != std::string::npos; };
  if (node.is_scalar() && std::ranges::any_of(variables, refers)) return Reference{&node, address};
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    if (auto found = find_reference(node.items[i], item_address(address, node, i), variables)) return found;
  }
  for (const Entry& entry : node.entries) {
    if (auto found = find_reference(entry.value, key_address(address, entry.key), variables)) return found;
  }
  return std::nullopt;
}

std::set<std::string> with_dependents(const Node& document, std::set<std::string> names) {
  const Node* vars = document.find("vars");
  for (std::size_t before = 0; vars != nullptr && before != names.size();) {
    before = names.size();
    for (const Entry& entry : vars->entries) {
      if (find_reference(entry.value, "", names)) names.insert(entry.key);
    }
  }
  return names;
}

}  // namespace qrun::config
