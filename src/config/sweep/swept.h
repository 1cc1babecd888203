// The node of a sweep before it is expanded: its variables filled in, and which addresses it sets.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "config/yaml/node.h"
#include "config/yaml/problems.h"

namespace qrun::config {

struct SweptAddress {
  std::string address;
  Position at;
  std::string where;  // `sweep.grid`, `sweep.union[1].list[0]`
};

/// Returns the addresses that a sweep sets, in the order written. Replicates are not among them: their `seed` counts
/// from the document's.
[[nodiscard]] std::vector<SweptAddress> swept_addresses(const Node& sweep);

/// Names of the variables that the sweep sets, all or a part of them.
[[nodiscard]] std::set<std::string> swept_variables(const Node& sweep);

/// Returns `sweep` with the variables of the document filled in. Those that it sets itself stay references, which each
/// point gives its own value.
[[nodiscard]] Node fill_in_sweep(const Node& document, const Node& sweep, Problems& problems);

}  // namespace qrun::config
