// Which addresses a sweep sets, seen in its node before it is expanded.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "spec/node.h"

namespace qrun::spec {

struct SweptAddress {
  std::string address;
  Position at;
  std::string where;  // `sweep.grid`, `sweep.union[1].list[0]`
};

/// In the order written. Replicates are not among them: their `seed` counts from the document's.
[[nodiscard]] std::vector<SweptAddress> swept_addresses(const Node& sweep);

/// Names of the variables that the sweep sets, all or a part of them.
[[nodiscard]] std::set<std::string> swept_variables(const Node& sweep);

}  // namespace qrun::spec
