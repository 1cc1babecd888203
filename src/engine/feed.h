// Where an engine gets its images: a run's endless training sequence, or one pass over the test items.
#pragma once

#include <cstdint>
#include <numeric>
#include <optional>
#include <vector>

#include "core/shape.h"
#include "math/image_transform.h"

namespace qrun {

/// A batch of images, borrowed; valid until the next call on the same Feed.
struct Batch {
  const float* images = nullptr;         // [n, c, h, w], scaled
  const std::int32_t* labels = nullptr;  // [n]
  std::int64_t n = 0;
};

/// A data set as it lies in memory, and what makes images of its items: for engines that keep it on a device.
/// Borrowed; valid as long as the Feed.
struct DataSource {
  const std::uint8_t* bytes = nullptr;  // [items][c][h][w], or
  const float* floats = nullptr;
  const std::int32_t* labels = nullptr;  // [items]
  std::int64_t items = 0;
  ImageTransform transform;
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

  /// Returns the set where it lies in memory; nothing where it does not as a whole.
  [[nodiscard]] virtual std::optional<DataSource> source() const { return std::nullopt; }
  /// Items at the positions `first` .. `first + n`, to be used with source(); may be called beside fetch().
  virtual std::vector<std::int32_t> order(std::int64_t first, std::int64_t n) {
    std::vector<std::int32_t> items(static_cast<std::size_t>(n));
    std::iota(items.begin(), items.end(), static_cast<std::int32_t>(first));
    return items;
  }
};

}  // namespace qrun
