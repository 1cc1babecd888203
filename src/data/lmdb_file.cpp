#include "data/lmdb_file.h"

#include <filesystem>

#include "core/error.h"

namespace qrun {

namespace fs = std::filesystem;

std::string lmdb_file(const std::string& path) {
  const fs::file_status status = fs::status(path);
  if (fs::is_regular_file(status)) return path;
  if (!fs::exists(status)) throw Error(path + ": no such folder; " + kMakeADatabase);
  if (!fs::is_directory(status)) throw Error(path + ": neither a folder nor a file; " + kMakeADatabase);
  const fs::path folder(path);
  if (fs::is_regular_file(folder / kLmdbDataFile)) return (folder / kLmdbDataFile).string();
  if (fs::exists(folder / "CURRENT"))  // Caffe's other kind of database
    throw Error(path + ": a LevelDB database, not an LMDB; write it again with `convert_imageset --backend=lmdb`");
  throw Error(path + ": holds no data.mdb; " + kMakeADatabase);
}

std::string lmdb_identity(const std::string& path) {
  std::error_code code;
  const fs::path file = fs::is_directory(path, code) ? fs::path(path) / kLmdbDataFile : fs::path(path);
  const fs::path whole = fs::weakly_canonical(file, code);
  return code ? path : whole.string();
}

}  // namespace qrun
