// Files that appear whole or not at all: written under a temporary name beside the target, flushed, renamed.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace qrun {

/// Puts a file of these bytes in place of `path`, on disk when it returns; missing folders are made. Whatever fails, no
/// temporary file stays and an old file is untouched. Throws EnvironmentError (path, the system's reason).
void write_atomically(const std::string& path, std::span<const std::byte> bytes);

/// The same for a text.
void write_text(const std::string& path, const std::string& text);

}  // namespace qrun
