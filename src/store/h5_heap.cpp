// HDF5 keeps texts of variable length in "global heap collections" and trusts the sizes there: a damaged one makes it
// read outside its memory. So they are walked here before HDF5 sees them (HDF5 file format specification, III.E):
//   "GCOL", version 1, 3 bytes, collection size (8);  objects: index (2), uses (2), 4 bytes, size (8), data padded to 8
#include "store/h5_heap.h"

#include <cstdint>
#include <fstream>
#include <iterator>

#include "core/error.h"

namespace qrun::h5 {
namespace {

constexpr std::string_view kSignature{"GCOL\1", 5};
constexpr std::uint64_t kHeader = 16;  // bytes before the first object, and before an object's data
constexpr std::uint64_t kAlign = 8;

std::uint64_t number_at(std::string_view bytes, std::uint64_t offset, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i)
    value |= std::uint64_t{static_cast<unsigned char>(bytes[offset + i])} << (8 * i);
  return value;
}

}  // namespace

bool is_sound_heap(std::string_view bytes) {
  if (bytes.size() < kHeader) return true;
  const std::uint64_t end = number_at(bytes, 8, 8);
  if (end < kHeader || end > bytes.size()) return true;  // refused by HDF5, or no heap at all but numbers like one
  std::uint64_t at = kHeader;
  while (end - at >= kHeader) {
    const std::uint64_t index = number_at(bytes, at, 2);
    const std::uint64_t size = number_at(bytes, at + 8, 8);
    if (index == 0) return size == end - at;  // the free space, with its header, is the last object
    if (size > end - at - kHeader) return false;
    at += kHeader + (size + kAlign - 1) / kAlign * kAlign;
    if (at > end) return false;
  }
  return true;
}

void check_heaps(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const std::string_view all = bytes;
  for (std::size_t at = all.find(kSignature); at != std::string_view::npos; at = all.find(kSignature, at + 1)) {
    if (!is_sound_heap(all.substr(at))) throw Error(path + ": damaged HDF5 file (a heap of texts)");
  }
}

}  // namespace qrun::h5
