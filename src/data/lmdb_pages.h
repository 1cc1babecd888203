// LMDB maps its file into memory and trusts what is there: a damaged page makes it read anywhere, a missing one ends
// the process. So the pages are walked before LMDB sees them.
#pragma once

#include <string>

namespace qrun {

/// Reads the pages of keys of `file`, not the values that fill pages of their own. Returns the name of the database
/// that holds the items: empty, or that of the only one where the file has databases with names. Throws Error,
/// beginning with `path`, where a page is missing or contradicts itself, or LMDB here does not read the file.
[[nodiscard]] std::string check_lmdb_pages(const std::string& path, const std::string& file);

}  // namespace qrun
