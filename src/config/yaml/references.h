// Which parts of a document name which variables.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "config/yaml/node.h"

namespace qrun::config {

struct Reference {
  const Node* text;
  std::string address;
};

/// The first text at or below `node`, which has this address, that refers to one of the variables.
[[nodiscard]] std::optional<Reference> find_reference(const Node& node, const std::string& address,
                                                      const std::set<std::string>& variables);

/// The names, and those of variables of the document that refer to them.
[[nodiscard]] std::set<std::string> with_dependents(const Node& document, std::set<std::string> names);

}  // namespace qrun::config
