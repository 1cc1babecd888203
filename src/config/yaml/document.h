// YAML text to a document tree, strictly: no repeated keys, no tags, bounded in bytes, nodes and depth.
#pragma once

#include <cstddef>
#include <string>

#include "config/yaml/node.h"
#include "config/yaml/problems.h"

namespace qrun::config {

inline constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxNodes = 100000;  // after aliases and variables
inline constexpr std::size_t kMaxDepth = 100;

/// Aliases are expanded; their nodes keep the positions of the anchor. Repeated keys go to `problems`; syntax errors
/// and documents over a bound are thrown as ConfigError, before memory is spent on them.
[[nodiscard]] Node parse_document(const std::string& text, const std::string& file, Problems& problems);

/// The text of a file. Throws ConfigError at `at` (the mention of the file) if it can't be read or is over 1 MiB.
[[nodiscard]] std::string read_file(const std::string& path, const Position& at, const std::string& key);

}  // namespace qrun::config
