#include "data/contents.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/error.h"
#include "data/digits.h"

namespace qrun {
namespace {

constexpr std::int64_t kHashedWhole = std::int64_t{1} << 30;  // bytes
constexpr std::int64_t kSample = 10000;                       // items of a larger set

}  // namespace

ContentsHash::ContentsHash(std::int64_t items, std::int64_t bytes, Shape shape)
    : contents_{.items = items, .shape = shape, .classes = 0, .hash = {}},
      wanted_(bytes <= kHashedWhole ? items : std::min(items, kSample)) {}

std::int64_t ContentsHash::next() const { return added_ * contents_.items / wanted_; }

void ContentsHash::add(std::span<const std::byte> value, std::int32_t label) {
  hash_.add(value);
  contents_.classes = std::max<std::int64_t>(contents_.classes, std::int64_t{label} + 1);
  ++added_;
  if (added_ == wanted_ && wanted_ < contents_.items) hash_.add(static_cast<std::uint64_t>(contents_.items));
}

Contents ContentsHash::contents() const {
  QRUN_CHECK(added_ == wanted_, "all items that are wanted");
  Contents contents = contents_;
  contents.hash = hash_.text();
  return contents;
}

Contents contents_of_digits(std::span<const std::uint8_t> pixels, std::span<const std::int32_t> labels) {
  constexpr std::size_t kSize = kDigitSize * kDigitSize;
  const auto items = std::ssize(labels);
  ContentsHash hash(items, items * static_cast<std::int64_t>(kSize + sizeof(std::int32_t)),
                    {1, kDigitSize, kDigitSize});
  std::array<std::byte, kSize + sizeof(std::int32_t)> item{};
  while (hash.next() < items) {
    const auto i = static_cast<std::size_t>(hash.next());
    std::memcpy(item.data(), pixels.data() + i * kSize, kSize);
    std::memcpy(item.data() + kSize, &labels[i], sizeof labels[i]);
    hash.add(item, labels[i]);
  }
  return hash.contents();
}

}  // namespace qrun
