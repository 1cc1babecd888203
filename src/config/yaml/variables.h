// Fills in `${name}` from `vars` and `${env:NAME}` from the environment.
#pragma once

#include <cstddef>
#include <set>
#include <string>

#include "config/yaml/node.h"
#include "config/yaml/problems.h"

namespace qrun::config {

/// Replaces every reference below `root` outside `vars`. A scalar that is one whole `${name}` becomes a copy of what
/// it names, marked with its origin; other references become text. An undefined or circular name is reported once,
/// and what uses it becomes broken. Throws ConfigError where the result is over the bounds of a document, of which
/// `elsewhere` nodes are not below `root`.
void fill_in_variables(Node& root, Problems& problems, std::size_t elsewhere = 0);

/// Replaces every reference below `part`, which stands at `address` in a document that has these `vars`. References to
/// those in `later`, which are yet to get their values, stay as they are.
void fill_in_variables(Node& part, const std::string& address, const Node& vars, const std::set<std::string>& later,
                       Problems& problems);

}  // namespace qrun::config
