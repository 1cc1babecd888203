// How an item of a data set becomes an image: (pixel - mean) * scale, a border of zeros, a crop, a mirror. In training
// crop and mirror are random, as a function of seed and position: host and device draw the same.
#pragma once

#include <cstdint>

#include "core/hd.h"
#include "core/shape.h"
#include "math/rng.h"

namespace qrun {

struct ImageTransform {
  Shape in, out;
  std::int64_t pad = 0;
  bool random = false;  // crops and mirrors; else the middle
  bool mirror = false;
  std::uint64_t seed = 0;
  float scale = 1;
  const float* mean = nullptr;  // [c], or [c][h][w] of the item
  bool has_mean_image = false;

  [[nodiscard]] constexpr std::int64_t mean_size() const { return has_mean_image ? in.size() : in.c; }
};

/// Where the image lies in the item, for one position of the run's sequence.
struct ImagePlace {
  std::int64_t top = 0, left = 0;  // negative in the border
  bool flip = false;
};

QRUN_HD std::int64_t draw(const ImageTransform& t, std::int64_t position, std::uint64_t k, std::int64_t n) {
  return static_cast<std::int64_t>(random_below(t.seed, stream::kAugment, 3 * static_cast<std::uint64_t>(position) + k,
                                                static_cast<std::uint64_t>(n)));
}

QRUN_HD ImagePlace place_of(const ImageTransform& t, std::int64_t position) {
  const std::int64_t spare_h = t.in.h + 2 * t.pad - t.out.h;
  const std::int64_t spare_w = t.in.w + 2 * t.pad - t.out.w;
  ImagePlace place;
  place.top = (t.random ? draw(t, position, 0, spare_h + 1) : spare_h / 2) - t.pad;
  place.left = (t.random ? draw(t, position, 1, spare_w + 1) : spare_w / 2) - t.pad;
  place.flip = t.random && t.mirror && draw(t, position, 2, 2) == 1;
  return place;
}

template <class T>
QRUN_HD float normalised(T pixel, float mean, float scale) {
  return (static_cast<float>(pixel) - mean) * scale;
}

/// One pixel of the image; `item` is [c, h, w].
template <class T>
QRUN_HD float image_pixel(const ImageTransform& t, const ImagePlace& place, const T* item, std::int64_t c,
                          std::int64_t y, std::int64_t x) {
  const std::int64_t row = y + place.top;
  const std::int64_t col = (place.flip ? t.out.w - 1 - x : x) + place.left;
  if (row < 0 || row >= t.in.h || col < 0 || col >= t.in.w) return 0.0f;
  const std::int64_t at = (c * t.in.h + row) * t.in.w + col;
  return normalised(item[at], t.mean[t.has_mean_image ? at : c], t.scale);
}

}  // namespace qrun
