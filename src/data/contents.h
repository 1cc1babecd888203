// The hash of a data set: XXH3-128 over its items in key order, of each its length and the bytes of the stored value.
// Of more than 1 GiB 10,000 items are taken, evenly spaced, and then the number of all.
#pragma once

#include <span>

#include "core/data_record.h"
#include "core/hash128.h"

namespace qrun {

class ContentsHash {
 public:
  /// Starts a hash; `bytes` are those of all values together.
  ContentsHash(std::int64_t items, std::int64_t bytes, Shape shape);

  /// The index of the item that is to be added next; the number of items where no more is.
  [[nodiscard]] std::int64_t next() const;
  void add(std::span<const std::byte> value, std::int32_t label);

  /// Returns what was added, once next() has come to the end.
  [[nodiscard]] Contents contents() const;

 private:
  Contents contents_;
  std::int64_t wanted_, added_ = 0;
  Hash128 hash_;
};

/// Synthetic digits are stored nowhere: an item's bytes are its pixels and its label, of 32 bits.
[[nodiscard]] Contents contents_of_digits(std::span<const std::uint8_t> pixels, std::span<const std::int32_t> labels);

}  // namespace qrun
