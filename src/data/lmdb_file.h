// Where a database lies.
#pragma once

#include <string>

namespace qrun {

/// The file of a database in a folder.
inline constexpr const char* kLmdbDataFile = "data.mdb";

/// What to do where there is no database.
inline constexpr const char* kMakeADatabase =
    "make one with `qrun data` (mnist, cifar10, images), or use synthetic_digits";
/// What to do where a database's bytes are not what they were.
inline constexpr const char* kCopyItAgain = "copy it again from where it is whole";

/// The file of the database `path`: data.mdb in that folder, or `path` itself where it is a file, as LMDB writes with
/// MDB_NOSUBDIR. Throws Error: what is there instead.
[[nodiscard]] std::string lmdb_file(const std::string& path);

/// Returns a text that is equal for paths of one database; any text where there is none.
[[nodiscard]] std::string lmdb_identity(const std::string& path);

}  // namespace qrun
