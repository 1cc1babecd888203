// What an op reads and writes, and how far two engines may differ in it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plan/plan.h"

namespace qrun {

/// A buffer's or a parameter's value or gradient, or a parameter's master.
struct Place {
  enum class Kind : std::uint8_t { kBuffer, kParam, kMaster };
  Kind kind = Kind::kBuffer;
  int id = 0;
  bool gradient = false;
};

struct Effects {
  std::string name;           // of the op
  std::vector<Place> inputs;  // of a sum's products
  std::vector<Place> outputs;
  std::int64_t terms = 0;   // products in a sum, but for the batch; 0: no sum
  bool over_batch = false;  // the sum runs over the images, too
  double relative = 0;      // difference allowed beside that, of the larger magnitude
};

[[nodiscard]] Effects effects_of(const Op& op);

}  // namespace qrun
