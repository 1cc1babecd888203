// How far two engines may differ in what an op writes.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/operands.h"

namespace qrun {

/// Sums of products may differ by the rounding of their magnitudes, all else by a part of its own magnitude.
struct Tolerance {
  std::vector<Operand> factors;  // what the op reads that the terms of its sums are linear in; empty: no sum
  std::int64_t terms = 0;        // of a sum, for one image where it runs over the batch
  bool over_batch = false;       // the sum runs over the images, too
  double relative = 0;           // difference allowed beside that, of the larger magnitude
};

[[nodiscard]] Tolerance tolerance_of(const Op& op);

}  // namespace qrun
