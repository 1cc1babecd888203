// Where an engine gets its images: a run's endless training sequence, or one pass over the test items.
#pragma once

#include <cstdint>

#include "core/shape.h"

namespace qrun {

/// Borrowed; valid until the next call on the same Feed.
struct Batch {
  const float* images = nullptr;         // [n, c, h, w], scaled
  const std::int32_t* labels = nullptr;  // [n]
  std::int64_t n = 0;
};

/// The item at a position is a function of the position alone, so a resumed run continues where it was.
class Feed {
 public:
  virtual ~Feed() = default;
  [[nodiscard]] virtual Shape shape() const = 0;         // of one image, after cropping
  [[nodiscard]] virtual std::int64_t items() const = 0;  // of one pass
  /// Items `first` .. `first + n`, from 0; training positions run on over passes. Sequential calls are prepared ahead.
  /// Throws Error where the data cannot be read.
  virtual Batch fetch(std::int64_t first, std::int64_t n) = 0;
};

}  // namespace qrun
