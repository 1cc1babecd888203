// The file is an array of pages (LMDB 0.9, mdb.c: MDB_page, MDB_node, MDB_meta), numbers in the order of the machine:
//   page  its number (8), 2 bytes, flags (2), end of the pointers (2), start of the nodes (2), pointers (2 each) to
//   node  low half (2), high half (2), flags (2), size of the key (2), the key, in a leaf the value or its page (8)
// The halves are the size of a leaf's value; in a branch they and the flags are the number of the page below.
// The first two pages describe the file by turns; the one of the later transaction holds.
#include "data/lmdb_pages.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/error.h"

namespace qrun {
namespace {

constexpr std::uint64_t kPageHeader = 16, kNodeHeader = 8, kPointer = 2, kPageNumber = 8, kMetaBytes = 152;  // bytes
constexpr std::uint16_t kBranch = 1, kLeaf = 2;  // flags of a page
constexpr std::uint16_t kValueElsewhere = 1;     // flag of a node: its value fills pages of its own
constexpr std::uint64_t kSmallestPage = 512, kLargestPage = 1 << 15;
constexpr std::uint64_t kLargestValue = (std::uint64_t{1} << 31) - 1;  // bytes that a Datum may have
constexpr int kDeepest = 32;                                           // levels that LMDB follows
constexpr std::uint64_t kNoPage = ~std::uint64_t{0};                   // root of an empty database

/// What the first pages say of the database without a name.
struct Meta {
  std::uint64_t page_bytes = 0, root = kNoPage, entries = 0, transaction = 0;
  int flags = 0, depth = 0;
};

/// Bytes of the file, numbers by their place.
class Bytes {
 public:
  explicit Bytes(std::uint64_t size) : bytes_(size) {}
  [[nodiscard]] unsigned char* data() { return bytes_.data(); }
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

class PageWalk {
 public:
  explicit PageWalk(const std::string& folder)
      : folder_(folder), file_(open((folder + "/data.mdb").c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat status {};
    if (file_ < 0 || fstat(file_, &status) != 0) fail(std::string("cannot open it: ") + std::strerror(errno));
    bytes_ = static_cast<std::uint64_t>(status.st_size);
  }
  ~PageWalk() {
    if (file_ >= 0) close(file_);
  }
  PageWalk(const PageWalk&) = delete;
  PageWalk& operator=(const PageWalk&) = delete;

  void check() {
    const Meta first = meta_at(0);
    if (!std::has_single_bit(first.page_bytes) || first.page_bytes < kSmallestPage || first.page_bytes > kLargestPage)
      fail("not an LMDB database");
    const Meta second = meta_at(first.page_bytes);
    meta_ = first.transaction < second.transaction ? second : first;
    if (meta_.page_bytes != first.page_bytes) damaged(1);
    if (meta_.flags != 0) fail("a database of several values a key; a data set has one");
    if (meta_.root != kNoPage) visit(meta_.root, 1);
    if (entries_ != meta_.entries) {
      fail("damaged database (" + std::to_string(entries_) + " items where it says " + std::to_string(meta_.entries) +
           ")");
    }
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const { throw Error(folder_ + ": " + problem); }
  [[noreturn]] void damaged(std::uint64_t page) const { fail("damaged database (page " + std::to_string(page) + ")"); }

  [[nodiscard]] bool holds(std::uint64_t place, std::uint64_t size) const {
    return place <= bytes_ && size <= bytes_ - place;
  }
  [[noreturn]] void cut() const { fail("data.mdb is cut: it ends at byte " + std::to_string(bytes_)); }

  [[nodiscard]] Bytes read(std::uint64_t place, std::uint64_t size) const {
    if (!holds(place, size)) cut();
    Bytes bytes(size);
    if (pread(file_, bytes.data(), size, static_cast<off_t>(place)) != static_cast<ssize_t>(size))
      fail(std::string("cannot read it: ") + std::strerror(errno));
    return bytes;
  }

  [[nodiscard]] Meta meta_at(std::uint64_t place) const {
    const Bytes page = read(place, kMetaBytes);
    return {.page_bytes = page.at<std::uint32_t>(40),
            .root = page.at<std::uint64_t>(128),
            .entries = page.at<std::uint64_t>(120),
            .transaction = page.at<std::uint64_t>(144),
            .flags = static_cast<int>(page.at<std::uint16_t>(92)),
            .depth = static_cast<int>(page.at<std::uint16_t>(94))};
  }

  /// All leaves lie `depth` levels down; a page that is met once too often would be one of a loop.
  void visit(std::uint64_t number, int level) {
    const bool is_leaf = level == meta_.depth;
    if (level > std::min(meta_.depth, kDeepest) || ++visited_ > bytes_ / meta_.page_bytes) damaged(number);
    if (number > bytes_ / meta_.page_bytes) cut();
    const Bytes page = read(number * meta_.page_bytes, meta_.page_bytes);
    const std::uint64_t pointers_end = page.at<std::uint16_t>(12);
    const std::uint64_t nodes_begin = page.at<std::uint16_t>(14);
    const bool sound = page.at<std::uint64_t>(0) == number &&
                       page.at<std::uint16_t>(10) == (is_leaf ? kLeaf : kBranch) &&
                       pointers_end >= kPageHeader + (is_leaf ? 1 : 2) * kPointer && pointers_end % kPointer == 0 &&
                       nodes_begin >= pointers_end && nodes_begin <= page.size();
    if (!sound) damaged(number);
    for (std::uint64_t pointer = kPageHeader; pointer < pointers_end; pointer += kPointer) {
      const std::uint64_t node = page.at<std::uint16_t>(pointer);
      if (node < nodes_begin || node % kPointer != 0 || node > page.size() - kNodeHeader) damaged(number);
      is_leaf ? check_leaf(page, number, node) : visit(below(page, number, node), level + 1);
    }
  }

  [[nodiscard]] std::uint64_t below(const Bytes& page, std::uint64_t number, std::uint64_t node) const {
    if (page.at<std::uint16_t>(node + 6) > page.size() - node - kNodeHeader) damaged(number);
    return page.at<std::uint32_t>(node) | page.at<std::uint16_t>(node + 4) << 32U;
  }

  void check_leaf(const Bytes& page, std::uint64_t number, std::uint64_t node) {
    ++entries_;
    const std::uint64_t flags = page.at<std::uint16_t>(node + 4);
    const std::uint64_t value = kNodeHeader + page.at<std::uint16_t>(node + 6);  // from the node's start
    const std::uint64_t size = page.at<std::uint32_t>(node);
    const bool elsewhere = flags == kValueElsewhere;
    const std::uint64_t room = page.size() - node;
    if ((flags != 0 && !elsewhere) || size > kLargestValue || value > room ||
        (elsewhere ? kPageNumber : size) > room - value) {
      damaged(number);
    }
    if (!elsewhere) return;
    const std::uint64_t first = page.at<std::uint64_t>(node + value);
    if (first > bytes_ / meta_.page_bytes || !holds(first * meta_.page_bytes, kPageHeader + size)) cut();
  }

  std::string folder_;
  int file_;
  std::uint64_t bytes_ = 0, visited_ = 0, entries_ = 0;
  Meta meta_;
};

}  // namespace

void check_lmdb_pages(const std::string& folder) { PageWalk(folder).check(); }

}  // namespace qrun
