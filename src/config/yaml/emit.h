// A document tree as YAML text: the same tree, the same bytes.
#pragma once

#include <string>

#include "config/yaml/node.h"
#include "config/yaml/sink.h"

namespace qrun::config {

/// The text of TextSink. `root` is a map.
[[nodiscard]] std::string emit(const Node& root, Quoting quoting);

/// A scalar, list or map on one line, quoted as ids have it.
[[nodiscard]] std::string emit_inline(const Node& node);

}  // namespace qrun::config
