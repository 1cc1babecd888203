// A temporary folder, and databases written by hand.
#pragma once

#include <gtest/gtest.h>
#include <lmdb.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "data/datum.pb.h"

namespace qrun {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "qrun.XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TemporaryFolder() {
    std::error_code code;
    std::filesystem::remove_all(path_, code);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline proto::Datum datum(std::int32_t c, std::int32_t h, std::int32_t w, std::int32_t label, const std::string& data) {
  proto::Datum d;
  d.set_channels(c);
  d.set_height(h);
  d.set_width(w);
  d.set_label(label);
  if (!data.empty()) d.set_data(data);
  return d;
}

struct ForeignLmdb {
  std::size_t map_bytes = std::size_t{1} << 24;
  bool in_a_file = false;          // instead of a folder
  std::vector<const char*> names;  // of the databases that get the items, instead of the one without
  unsigned flags = 0;              // of these databases
};

/// An LMDB as another program would write it.
inline void write_foreign(const std::string& path, const std::vector<std::pair<std::string, std::string>>& items,
                          const ForeignLmdb& form = {}) {
  if (!form.in_a_file) std::filesystem::create_directories(path);
  MDB_env* env = nullptr;
  MDB_txn* txn = nullptr;
  ASSERT_EQ(mdb_env_create(&env), 0);
  ASSERT_EQ(mdb_env_set_mapsize(env, form.map_bytes), 0);
  ASSERT_EQ(mdb_env_set_maxdbs(env, 10), 0);
  ASSERT_EQ(mdb_env_open(env, path.c_str(), form.in_a_file ? MDB_NOSUBDIR : 0, 0644), 0);
  ASSERT_EQ(mdb_txn_begin(env, nullptr, 0, &txn), 0);
  for (const char* name : form.names.empty() ? std::vector<const char*>{nullptr} : form.names) {
    MDB_dbi dbi = 0;
    ASSERT_EQ(mdb_dbi_open(txn, name, MDB_CREATE | form.flags, &dbi), 0);
    for (auto [key, value] : items) {
      MDB_val k{key.size(), key.data()};
      MDB_val v{value.size(), value.data()};
      ASSERT_EQ(mdb_put(txn, dbi, &k, &v, 0), 0);
    }
  }
  ASSERT_EQ(mdb_txn_commit(txn), 0);
  mdb_env_close(env);
}

/// The message of what `call` throws.
template <class Call>
std::string message_of(const Call& call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing thrown";
}

}  // namespace qrun
