// What an LMDB file says of itself: its first two pages, and the record of a database (LMDB 0.9, mdb.c: MDB_page,
// MDB_meta, MDB_db). Numbers lie in the order and the width of the machine that wrote the file.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace qrun {

/// Bytes of the file, numbers by their place.
class LmdbBytes {
 public:
  explicit LmdbBytes(std::uint64_t size) : bytes_(size) {}
  [[nodiscard]] unsigned char* data() { return bytes_.data(); }
  [[nodiscard]] const unsigned char* data() const { return bytes_.data(); }
  [[nodiscard]] std::uint64_t size() const { return bytes_.size(); }
  template <class T>
  [[nodiscard]] std::uint64_t at(std::uint64_t place) const {
    T value{};
    std::memcpy(&value, bytes_.data() + place, sizeof value);
    return value;
  }

 private:
  std::vector<unsigned char> bytes_;
};

/// The tree of pages of one database.
struct LmdbTree {
  static constexpr std::uint64_t kBytes = 48;                  // of its record in the file
  static constexpr std::uint64_t kNoPage = ~std::uint64_t{0};  // root of an empty one
  std::uint64_t root = kNoPage, entries = 0;
  std::uint64_t flags = 0, depth = 0;
};

struct LmdbMeta {
  static constexpr std::uint64_t kBytes = 152;  // from the start of its page
  std::uint64_t page_bytes = 0, transaction = 0;
  LmdbTree main;  // the database without a name
};

/// Returns the tree that stands at `place`. REQUIRES: LmdbTree::kBytes from there on.
[[nodiscard]] LmdbTree lmdb_tree(const LmdbBytes& bytes, std::uint64_t place);
[[nodiscard]] LmdbMeta lmdb_meta(const LmdbBytes& page);

/// Why the LMDB of this program does not read the file whose first page this is, and what to do; empty if it does.
/// REQUIRES: LmdbMeta::kBytes of it.
[[nodiscard]] std::string why_no_lmdb(const LmdbBytes& page);

}  // namespace qrun
