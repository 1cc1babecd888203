// LMDB databases: reading in key order, and writing a new one atomically.
#pragma once

#include <lmdb.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace qrun {

/// A read-only database. An LMDB must be opened once in a process: share this object.
class LmdbReader {
 public:
  /// A folder, or a file (data/lmdb_file.h). Throws Error with the path and the reason.
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

/// Puts a database of `count` items under 8-digit keys into `folder`; one that is there stays until the new one is
/// whole and on disk. Returns bytes written. Throws EnvironmentError (path, reason) if the disk is full or not
/// writable.
std::int64_t write_lmdb(const std::string& folder, std::int64_t count,
                        const std::function<std::string(std::int64_t)>& value);

}  // namespace qrun
