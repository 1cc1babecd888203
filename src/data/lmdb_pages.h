// LMDB maps its file into memory and trusts what is there: a damaged page makes it read anywhere, a missing one ends
// the process. So the pages are walked before LMDB sees them.
#pragma once

#include <string>

namespace qrun {

/// Reads the pages of keys of `folder`/data.mdb, not the values that fill pages of their own. Throws Error naming the
/// folder where a page is missing or contradicts itself.
void check_lmdb_pages(const std::string& folder);

}  // namespace qrun
