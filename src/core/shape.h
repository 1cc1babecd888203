// The logical shape of one image or feature map; batches and packs come on top of it.
#pragma once

#include <cstdint>
#include <string>

#include "core/sizes.h"

namespace qrun {

/// Channels, height, width of one item.
struct Shape {
  std::int64_t c = 0;
  std::int64_t h = 0;
  std::int64_t w = 0;

  [[nodiscard]] constexpr std::int64_t size() const { return times(times(c, h), w); }
  bool operator==(const Shape&) const = default;
};

/// Returns the shape as `20x12x12`.
[[nodiscard]] inline std::string to_string(const Shape& s) {
  return std::to_string(s.c) + "x" + std::to_string(s.h) + "x" + std::to_string(s.w);
}

}  // namespace qrun
