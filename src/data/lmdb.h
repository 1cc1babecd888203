// LMDB databases: reading in key order, and writing a new one atomically.
#pragma once

#include <lmdb.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/atomic_file.h"

namespace qrun {

/// A read-only database. An LMDB must be opened once in a process: share this object.
class LmdbReader {
 public:
  /// Opens a folder, or a file (data/lmdb_file.h). Throws Error with the path and the reason.
  explicit LmdbReader(const std::string& path);

  [[nodiscard]] std::int64_t items() const { return items_; }
  [[nodiscard]] std::int64_t value_bytes() const;  // of all items together
  [[nodiscard]] const std::string& path() const { return path_; }

  /// Calls `visit(key, value)` in key order until it returns false. Both are borrowed while the database is open, whose
  /// pages nothing writes to.
  void each(const std::function<bool(std::string_view, std::string_view)>& visit) const;

  /// Calls `visit(value)` with the value of a key. Thread-safe.
  void get(std::string_view key, const std::function<void(std::string_view)>& visit) const;

 private:
  struct Close {
    void operator()(MDB_env* env) const { mdb_env_close(env); }
  };
  [[nodiscard]] std::int64_t file_bytes() const;
  [[nodiscard]] MDB_txn* begin() const;
  void check(int code, const char* operation) const;

  std::string path_;
  std::unique_ptr<MDB_env, Close> env_;
  MDB_dbi dbi_ = 0;
  std::int64_t items_ = 0, bytes_ = 0;
};

/// A new database under a temporary name: it goes with this object, and the folders made for it, unless it has taken
/// its place.
class NewLmdb {
 public:
  /// Writes `count` items under 8-digit keys, on disk when it returns; asks for each value once, in order. Throws
  /// EnvironmentError (path, reason) if the disk is full or not writable, and what `value` throws.
  NewLmdb(const std::string& folder, std::int64_t count, const std::function<std::string(std::int64_t)>& value);
  ~NewLmdb();
  NewLmdb(const NewLmdb&) = delete;
  NewLmdb& operator=(const NewLmdb&) = delete;

  [[nodiscard]] const std::string& folder() const { return folder_; }
  /// Takes the place of the database in the folder, if there is one. Throws EnvironmentError.
  void replace();

 private:
  void discard();

  std::string folder_;
  std::vector<std::string> made_;  // folders, the innermost first
  std::unique_ptr<TemporaryFile> file_;
};

}  // namespace qrun
