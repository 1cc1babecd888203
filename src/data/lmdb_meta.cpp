#include "data/lmdb_meta.h"

#include <array>
#include <bit>

#include "data/lmdb_file.h"

namespace qrun {
namespace {

constexpr std::uint32_t kMagic = 0xBEEFC0DE, kMagicOfTheOtherOrder = 0xDEC0EFBE;
constexpr std::uint64_t kHeader = 16;  // of a page; on machines of 32 bits 12, in later formats more
constexpr std::array<std::uint64_t, 3> kHeaders = {kHeader, 12, 24};
constexpr std::uint64_t kFormat = 1;
constexpr std::uint64_t kSmallestPage = 512, kLargestPage = 1 << 15;

std::string written_by(const std::string& origin) {
  return "an LMDB database of " + origin +
         "; write it again here: `mdb_dump FROM >text` where it was made, `mdb_load TO <text` on this machine";
}

std::string of_another_machine(bool other_order, std::uint64_t header) {
  const bool is_big = (std::endian::native == std::endian::little) == other_order;
  return written_by(std::string("a machine of ") + (header == kHeader ? "64" : "32") + " bits and " +
                    (is_big ? "big" : "little") + "-endian numbers");
}

}  // namespace

LmdbTree lmdb_tree(const LmdbBytes& bytes, std::uint64_t place) {
  return {.root = bytes.at<std::uint64_t>(place + 40),
          .entries = bytes.at<std::uint64_t>(place + 32),
          .flags = bytes.at<std::uint16_t>(place + 4),
          .depth = bytes.at<std::uint16_t>(place + 6)};
}

LmdbMeta lmdb_meta(const LmdbBytes& page) {
  return {.page_bytes = page.at<std::uint32_t>(40),
          .transaction = page.at<std::uint64_t>(144),
          .main = lmdb_tree(page, 88)};
}

std::string why_no_lmdb(const LmdbBytes& page) {
  for (const std::uint64_t header : kHeaders) {
    const std::uint64_t magic = page.at<std::uint32_t>(header);
    if (magic != kMagic && magic != kMagicOfTheOtherOrder) continue;
    const std::uint64_t format = page.at<std::uint32_t>(header + 4);
    if (magic != kMagic || (header == 12 && format == kFormat)) return of_another_machine(magic != kMagic, header);
    if (format != kFormat) return written_by("format " + std::to_string(format) + ", which LMDB 0.9 does not read");
    const std::uint64_t page_bytes = lmdb_meta(page).page_bytes;
    if (std::has_single_bit(page_bytes) && page_bytes >= kSmallestPage && page_bytes <= kLargestPage) return "";
  }
  return std::string("not an LMDB database; ") + kMakeADatabase;
}

}  // namespace qrun
