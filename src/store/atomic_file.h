// Files that appear whole or not at all: written under a temporary name beside the target, flushed, renamed.
#pragma once

#include <functional>
#include <string>

namespace qrun {

/// Calls `write(temporary name)`, then puts that file in place of `path`. Whatever fails, no temporary file stays and
/// an old file is untouched. Throws EnvironmentError (path, reason), and what `write` throws.
void write_atomically(const std::string& path, const std::function<void(const std::string&)>& write);

/// The same for a text.
void write_text(const std::string& path, const std::string& text);

}  // namespace qrun
