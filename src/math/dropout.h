// Dropout (Srivastava et al. 2014): each value of a training batch becomes 0 with probability p, the rest grows by
// 1 / (1 - p). Which ones is a function of the run's seed, the layer, the batch and the position in it.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/hd.h"
#include "math/rng.h"

namespace qrun {

/// The mask of one batch of a run.
struct DropoutMask {
  std::uint64_t seed = 0, stream = 0;
  std::uint64_t first = 0;    // number of the batch's first value
  std::uint64_t dropped = 0;  // of 2^53 random numbers
  float scale = 1;            // of what is kept
};

/// `dropout` is the layer's number among such, `batch` counts from the run's first, and each has `values`.
QRUN_HD DropoutMask dropout_mask(std::uint64_t seed, std::uint32_t dropout, std::int64_t batch, std::int64_t values,
                                 double p) {
  return {seed, stream::of_dropout(dropout), static_cast<std::uint64_t>(batch * values),
          static_cast<std::uint64_t>(ceil(p * 0x1p53)), static_cast<float>(1.0 / (1.0 - p))};
}

/// What becomes of the value, or the gradient, at a position [n, c, h, w] of the batch.
QRUN_HD float dropped_out(float x, const DropoutMask& mask, std::int64_t position) {
  const std::uint64_t bits = random_bits(mask.seed, mask.stream, mask.first + static_cast<std::uint64_t>(position));
  return bits >> 11 < mask.dropped ? 0.0f : x * mask.scale;
}

}  // namespace qrun
