#include "data/lmdb.h"

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/fault.h"
#include "data/lmdb_file.h"
#include "data/lmdb_pages.h"

namespace qrun {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMapHeadroom = std::size_t{64} << 20;
constexpr std::int64_t kItemsATransaction = 4096;

using Values = std::function<std::string(std::int64_t)>;  // by the item's index

MDB_val to_val(std::string_view text) { return {text.size(), const_cast<char*>(text.data())}; }
std::string_view to_view(const MDB_val& value) { return {static_cast<const char*>(value.mv_data), value.mv_size}; }

/// Ends a transaction where it goes out of scope.
struct Abort {
  void operator()(MDB_txn* txn) const { mdb_txn_abort(txn); }
};
using Transaction = std::unique_ptr<MDB_txn, Abort>;
struct CloseCursor {
  void operator()(MDB_cursor* cursor) const { mdb_cursor_close(cursor); }
};

[[noreturn]] void fail_writing(const std::string& folder, const std::string& reason) {
  throw EnvironmentError("cannot write " + folder + ": " + reason);
}
void check_write(int code, const std::string& folder) {
  const bool short_write = code == EIO;  // LMDB's word for a disk that took a part
  if (code != MDB_SUCCESS) fail_writing(folder, mdb_strerror(short_write ? ENOSPC : code));
}

void put_items(MDB_env* env, const std::string& folder, std::int64_t first, std::int64_t last, const Values& value) {
  MDB_txn* raw = nullptr;
  check_write(mdb_txn_begin(env, nullptr, 0, &raw), folder);
  Transaction txn(raw);
  MDB_dbi dbi = 0;
  check_write(mdb_dbi_open(txn.get(), nullptr, 0, &dbi), folder);
  for (std::int64_t i = first; i < last; ++i) {
    std::array<char, 24> key{};
    const int length = std::snprintf(key.data(), key.size(), "%08lld", static_cast<long long>(i));
    const std::string text = value(i);
    MDB_val key_val = to_val({key.data(), static_cast<std::size_t>(length)});
    MDB_val data_val = to_val(text);
    check_write(mdb_put(txn.get(), dbi, &key_val, &data_val, MDB_APPEND), folder);
  }
  fault_point("lmdb.items");
  check_write(mdb_txn_commit(txn.release()), folder);
}

/// Writes a database in one file, on disk when it returns.
void fill(const std::string& file, const std::string& folder, std::int64_t count, const Values& value) {
  MDB_env* raw = nullptr;
  check_write(mdb_env_create(&raw), folder);
  const std::unique_ptr<MDB_env, decltype(&mdb_env_close)> env(raw, &mdb_env_close);
  const std::string first_value = count > 0 ? value(0) : "";
  const std::size_t item = first_value.size() + 64;
  check_write(mdb_env_set_mapsize(raw, kMapHeadroom + static_cast<std::size_t>(count) * item * 3), folder);
  check_write(mdb_env_open(raw, file.c_str(), MDB_NOSUBDIR | MDB_NOSYNC | MDB_NOLOCK, 0644), folder);
  const auto value_once = [&](std::int64_t i) { return i == 0 ? first_value : value(i); };
  for (std::int64_t first = 0; first < count; first += kItemsATransaction) {
    put_items(raw, folder, first, std::min(first + kItemsATransaction, count), value_once);
    fault_point("lmdb.committed");
  }
  check_write(mdb_env_sync(raw, 1), folder);
}

/// Makes the folder and those around it; returns those that were not there, the innermost first.
std::vector<std::string> make_folders(const std::string& folder) {
  std::vector<std::string> made;
  std::error_code code;
  for (fs::path path(folder); !path.empty() && !fs::exists(path, code); path = path.parent_path())
    made.push_back(path.string());
  fs::create_directories(folder, code);
  if (code) fail_writing(folder, code.message());
  return made;
}

}  // namespace

LmdbReader::LmdbReader(const std::string& path) : path_(path) {
  const std::string file = lmdb_file(path);
  const std::string name = check_lmdb_pages(path, file);
  MDB_env* env = nullptr;
  check(mdb_env_create(&env), "create");
  env_.reset(env);
  mdb_env_set_maxreaders(env, 126);
  mdb_env_set_maxdbs(env, 1);  // with names
  // Without lock files: a data set at rest needs none, and its folder may be read-only.
  check(mdb_env_open(env, file.c_str(), MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK | MDB_NOTLS, 0644), "open");
  bytes_ = file_bytes();
  Transaction txn(begin());
  check(mdb_dbi_open(txn.get(), name.empty() ? nullptr : name.c_str(), 0, &dbi_), "open");
  MDB_stat stat{};
  check(mdb_stat(txn.get(), dbi_, &stat), "stat");
  items_ = static_cast<std::int64_t>(stat.ms_entries);
  check(mdb_txn_commit(txn.release()), "open");  // one that is aborted would take the database's handle along
}

void LmdbReader::check(int code, const char* operation) const {
  if (code != MDB_SUCCESS) throw Error(path_ + ": cannot " + operation + " it: " + mdb_strerror(code));
}

std::int64_t LmdbReader::file_bytes() const {
  int file = -1;
  struct stat status {};
  check(mdb_env_get_fd(env_.get(), &file), "read");
  return fstat(file, &status) == 0 ? status.st_size : 0;
}

/// Memory that maps what a file has no more ends the process: so it is not touched.
MDB_txn* LmdbReader::begin() const {
  if (file_bytes() < bytes_) throw Error(path_ + ": its file was cut while it was in use");
  MDB_txn* txn = nullptr;
  check(mdb_txn_begin(env_.get(), nullptr, MDB_RDONLY, &txn), "read");
  return txn;
}

void LmdbReader::each(const std::function<bool(std::string_view, std::string_view)>& visit) const {
  const Transaction txn(begin());
  MDB_cursor* raw = nullptr;
  check(mdb_cursor_open(txn.get(), dbi_, &raw), "read");
  const std::unique_ptr<MDB_cursor, CloseCursor> cursor(raw);
  MDB_val key{};
  MDB_val value{};
  int code = mdb_cursor_get(raw, &key, &value, MDB_FIRST);
  for (; code == MDB_SUCCESS; code = mdb_cursor_get(raw, &key, &value, MDB_NEXT)) {
    if (!visit(to_view(key), to_view(value))) return;
  }
  if (code != MDB_NOTFOUND) check(code, "read");
}

std::int64_t LmdbReader::value_bytes() const {
  std::int64_t bytes = 0;
  each([&](std::string_view, std::string_view value) {
    bytes += static_cast<std::int64_t>(value.size());
    return true;
  });
  return bytes;
}

void LmdbReader::get(std::string_view key, const std::function<void(std::string_view)>& visit) const {
  const Transaction txn(begin());
  MDB_val key_val = to_val(key);
  MDB_val value{};
  check(mdb_get(txn.get(), dbi_, &key_val, &value), "read");
  visit(to_view(value));
}

NewLmdb::NewLmdb(const std::string& folder, std::int64_t count, const Values& value)
    : folder_(folder), made_(make_folders(folder)) {
  try {
    remove_abandoned(folder, kLmdbDataFile);  // of an import that was killed
    file_ = std::make_unique<TemporaryFile>((fs::path(folder) / kLmdbDataFile).string());
    if (!file_->is_open()) fail_writing(folder, std::strerror(errno));
    fill(file_->name(), folder, count, value);
    fault_point("lmdb.synced");
  } catch (...) {
    discard();
    throw;
  }
}

NewLmdb::~NewLmdb() { discard(); }

void NewLmdb::replace() {
  std::error_code code;
  fs::remove(fs::path(folder_) / "lock.mdb", code);  // of another program, for the database that was here
  if (!file_->replace()) fail_writing(folder_, std::strerror(errno));
}

void NewLmdb::discard() {
  file_.reset();
  std::error_code code;
  for (const std::string& folder : made_) fs::remove(folder, code);  // if it is empty
}

}  // namespace qrun
