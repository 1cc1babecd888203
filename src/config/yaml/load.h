// A configuration file with what it is based on, as one document.
#pragma once

#include <string>

#include "config/yaml/node.h"
#include "config/yaml/problems.h"

namespace qrun::config {

/// Reads `path`, merges it over its `base` (relative to the file; chains allowed) and applies `set`.
/// The result is a map without these two keys. Throws ConfigError where a file can't be read or parsed.
[[nodiscard]] Node load_document(const std::string& path, Problems& problems);

}  // namespace qrun::config
