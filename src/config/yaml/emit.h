// A document tree as YAML text: the same tree, the same bytes.
#pragma once

#include <cstdint>
#include <string>

#include "config/yaml/node.h"

namespace qrun::config {

/// Which text needs no quotes.
enum class Quoting : std::uint8_t {
  kHashed,    // as the first release had it: ids are hashes of such text
  kPortable,  // words that YAML 1.1 takes for booleans are quoted, too: what is read by others
};

/// Block style; a collection of scalars below the second level takes one line. `root` is a map.
[[nodiscard]] std::string emit(const Node& root, Quoting quoting);

/// A scalar, list or map on one line, quoted as ids have it.
[[nodiscard]] std::string emit_inline(const Node& node);

}  // namespace qrun::config
