// What `KEY=VALUE`s of the command line change, and that none of them is lost.
#pragma once

#include <string>
#include <vector>

#include "config/yaml/address.h"
#include "config/yaml/node.h"
#include "config/yaml/problems.h"

namespace qrun::config {

/// Puts single values into the document and axes into its sweep. An address that the sweep's grid has already keeps its
/// axis, with one value: its runs keep their names. Returned: what went into the document.
[[nodiscard]] std::vector<Assignment> apply_overrides(Node& document, const std::vector<std::string>& overrides,
                                                      Problems& problems);

/// Reports values that points of the sweep replace: they would be lost. A map of which something stays is not.
void check_overrides(const Node& document, const std::vector<Assignment>& assigned, const Node& sweep,
                     Problems& problems);

}  // namespace qrun::config
