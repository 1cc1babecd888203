// Statistics of a tensor, for its quantizer: over pieces of fixed size, whose sums are added in order.
#pragma once

#include <optional>

#include "cpu/ops.h"

namespace qrun::cpu {

/// A tensor cut into pieces; a piece never spans two blocks of images, so that its padded lanes are known.
struct Pieces {
  const float* x;
  std::int64_t block_size;  // floats
  std::int64_t blocks;
  std::int64_t last_valid;  // lanes in use in the last block

  [[nodiscard]] std::int64_t per_block() const { return ceil_div(block_size, kPiece); }
  [[nodiscard]] std::int64_t count() const { return blocks * per_block(); }
  template <class Measure>
  auto measure(std::int64_t piece, const Measure& one) const {
    const std::int64_t block = piece / per_block();
    const std::int64_t begin = piece % per_block() * kPiece;
    const std::int64_t valid = block + 1 == blocks ? last_valid : kLanes;
    return one(x + block * block_size + begin, std::min(kPiece, block_size - begin), valid);
  }
};

/// The statistics that `needs` names, of the `count` values in use; none where they hold NaN or infinity.
[[nodiscard]] std::optional<QStats> statistics_of(const Pieces& pieces, Stat needs, std::int64_t count,
                                                  Context& context);

}  // namespace qrun::cpu
