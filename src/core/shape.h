// The logical shape of one image or feature map; batches and packs come on top of it. And pairs of its two sides.
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

/// A number for the height and one for the width.
struct Sides {
  std::int64_t h = 0;
  std::int64_t w = 0;

  constexpr Sides() = default;
  constexpr Sides(std::int64_t both) : h(both), w(both) {}  // NOLINT(google-explicit-constructor): 3 stands for 3 x 3
  constexpr Sides(std::int64_t height, std::int64_t width) : h(height), w(width) {}

  [[nodiscard]] constexpr bool is_square() const { return h == w; }
  [[nodiscard]] constexpr std::int64_t size() const { return times(h, w); }
  bool operator==(const Sides&) const = default;
};

/// Returns `3`, or `3x5` where they differ.
[[nodiscard]] inline std::string to_string(const Sides& s) {
  return std::to_string(s.h) + (s.is_square() ? "" : "x" + std::to_string(s.w));
}

/// Returns the shape as `20x12x12`.
[[nodiscard]] inline std::string to_string(const Shape& s) {
  return std::to_string(s.c) + "x" + std::to_string(s.h) + "x" + std::to_string(s.w);
}

}  // namespace qrun
