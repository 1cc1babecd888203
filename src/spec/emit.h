// A document tree as YAML text: the same tree, the same bytes.
#pragma once

#include <string>

#include "spec/node.h"

namespace qrun::spec {

/// Block style; a collection of scalars below the second level takes one line. `root` is a map.
[[nodiscard]] std::string emit(const Node& root);

/// A scalar, list or map on one line.
[[nodiscard]] std::string emit_inline(const Node& node);

}  // namespace qrun::spec
