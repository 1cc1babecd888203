// The file is an array of pages (LMDB 0.9, mdb.c: MDB_page, MDB_node), numbers in the order of the machine:
//   page  its number (8), 2 bytes, flags (2), end of the pointers (2), start of the nodes (2), pointers (2 each) to
//   node  low half (2), high half (2), flags (2), size of the key (2), the key, in a leaf the value or its page (8)
// The halves are the size of a leaf's value; in a branch they and the flags are the number of the page below.
// The first two pages describe the file by turns; the one of the later transaction holds. A database with a name is an
// item of the one without: its key is the name, its value the record of another tree.
#include "data/lmdb_pages.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "core/error.h"
#include "data/key_text.h"
#include "data/lmdb_file.h"
#include "data/lmdb_meta.h"

namespace qrun {
namespace {

constexpr std::uint64_t kPageHeader = 16, kNodeHeader = 8, kPointer = 2, kPageNumber = 8;  // bytes
constexpr std::uint16_t kBranch = 1, kLeaf = 2;                                            // flags of a page
constexpr std::uint16_t kValueElsewhere = 1;  // flag of a node: its value fills pages of its own
constexpr std::uint16_t kNamed = 2;           // flag of a node: its value is the record of a database
constexpr std::uint16_t kManyValues = 4;      // flag of a database: a key may have several values
constexpr std::uint64_t kLargestValue = (std::uint64_t{1} << 31) - 1;  // bytes that a Datum may have
constexpr std::uint64_t kDeepest = 32;                                 // levels that LMDB follows

class PageWalk {
 public:
  PageWalk(std::string path, const std::string& file)
      : path_(std::move(path)),
        file_name_(std::filesystem::path(file).filename().string()),
        file_(open(file.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat status {};
    if (file_ < 0 || fstat(file_, &status) != 0) fail(std::string("cannot open it: ") + std::strerror(errno));
    bytes_ = static_cast<std::uint64_t>(status.st_size);
  }
  ~PageWalk() {
    if (file_ >= 0) close(file_);
  }
  PageWalk(const PageWalk&) = delete;
  PageWalk& operator=(const PageWalk&) = delete;

  std::string check() {
    const LmdbBytes head = read(0, LmdbMeta::kBytes);
    if (const std::string reason = why_no_lmdb(head); !reason.empty()) fail(reason);
    const LmdbMeta first = lmdb_meta(head);
    page_bytes_ = first.page_bytes;
    const LmdbMeta second = lmdb_meta(read(page_bytes_, LmdbMeta::kBytes));
    const LmdbMeta& meta = first.transaction < second.transaction ? second : first;
    if (meta.page_bytes != page_bytes_) damaged(1);
    check(meta.main);
    if (named_.empty()) return "";
    if (meta.main.entries > 1) refuse_many();
    const auto [name, tree] = named_.front();
    is_named_ = true;
    check(tree);
    return name;
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const { throw Error(path_ + ": " + problem); }
  [[noreturn]] void damaged(std::uint64_t page) const {
    fail("damaged database (page " + std::to_string(page) + "); " + kCopyItAgain);
  }
  [[noreturn]] void cut() const {
    fail(file_name_ + " is cut: it ends at byte " + std::to_string(bytes_) + "; " + kCopyItAgain);
  }
  [[noreturn]] void refuse_many() const {
    constexpr std::size_t kShown = 5;
    std::string names;
    for (std::size_t i = 0; i < std::min(kShown, named_.size()); ++i)
      names += (i == 0 ? "" : ", ") + key_text(named_[i].first);
    fail("holds databases with names among other items (" + names + (named_.size() > kShown ? ", ..." : "") +
         "); a data set is the only one of its file: `mdb_dump -s NAME FROM | mdb_load TO` copies one");
  }

  [[nodiscard]] bool holds(std::uint64_t place, std::uint64_t size) const {
    return place <= bytes_ && size <= bytes_ - place;
  }

  [[nodiscard]] LmdbBytes read(std::uint64_t place, std::uint64_t size) const {
    if (!holds(place, size)) cut();
    LmdbBytes bytes(size);
    if (pread(file_, bytes.data(), size, static_cast<off_t>(place)) != static_cast<ssize_t>(size))
      fail(std::string("cannot read it: ") + std::strerror(errno));
    return bytes;
  }

  void check(const LmdbTree& tree) {
    if (tree.flags != 0) {
      fail((tree.flags & kManyValues) != 0
               ? "a database of several values a key (MDB_DUPSORT); a data set has one"
               : "a database whose keys have an order of their own (MDB_INTEGERKEY, MDB_REVERSEKEY); write it again "
                 "with keys that LMDB orders by their bytes");
    }
    depth_ = tree.depth;
    entries_ = 0;
    if (tree.root != LmdbTree::kNoPage) visit(tree.root, 1);
    if (entries_ != tree.entries) {
      fail("damaged database (" + std::to_string(entries_) + " items where it says " + std::to_string(tree.entries) +
           "); " + kCopyItAgain);
    }
  }

  /// All leaves lie `depth_` levels down; a page that is met once too often would be one of a loop.
  void visit(std::uint64_t number, std::uint64_t level) {
    const bool is_leaf = level == depth_;
    if (level > std::min(depth_, kDeepest) || ++visited_ > bytes_ / page_bytes_) damaged(number);
    if (number > bytes_ / page_bytes_) cut();
    const LmdbBytes page = read(number * page_bytes_, page_bytes_);
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

  [[nodiscard]] std::uint64_t below(const LmdbBytes& page, std::uint64_t number, std::uint64_t node) const {
    if (page.at<std::uint16_t>(node + 6) > page.size() - node - kNodeHeader) damaged(number);
    return page.at<std::uint32_t>(node) | page.at<std::uint16_t>(node + 4) << 32U;
  }

  void check_leaf(const LmdbBytes& page, std::uint64_t number, std::uint64_t node) {
    ++entries_;
    const std::uint64_t flags = page.at<std::uint16_t>(node + 4);
    const std::uint64_t value = kNodeHeader + page.at<std::uint16_t>(node + 6);  // from the node's start
    const std::uint64_t size = page.at<std::uint32_t>(node);
    const bool elsewhere = flags == kValueElsewhere;
    const bool named = flags == kNamed && !is_named_ && size == LmdbTree::kBytes;
    const std::uint64_t room = page.size() - node;
    if ((flags != 0 && !elsewhere && !named) || size > kLargestValue || value > room ||
        (elsewhere ? kPageNumber : size) > room - value) {
      damaged(number);
    }
    if (named) add_named(page, node, value);
    if (!elsewhere) return;
    const std::uint64_t first = page.at<std::uint64_t>(node + value);
    if (first > bytes_ / page_bytes_ || !holds(first * page_bytes_, kPageHeader + size)) cut();
  }

  void add_named(const LmdbBytes& page, std::uint64_t node, std::uint64_t value) {
    std::string name(reinterpret_cast<const char*>(page.data()) + node + kNodeHeader, value - kNodeHeader);
    if (name.find('\0') != std::string::npos) fail("a database with the name " + key_text(name) + ", which has a NUL");
    named_.emplace_back(std::move(name), lmdb_tree(page, node + value));
  }

  std::string path_, file_name_;
  int file_;
  std::uint64_t bytes_ = 0, page_bytes_ = 0, visited_ = 0;
  std::vector<std::pair<std::string, LmdbTree>> named_;
  bool is_named_ = false;                  // of the tree that is walked
  std::uint64_t depth_ = 0, entries_ = 0;  // of the tree that is walked: said, and found
};

}  // namespace

std::string check_lmdb_pages(const std::string& path, const std::string& file) { return PageWalk(path, file).check(); }

}  // namespace qrun
