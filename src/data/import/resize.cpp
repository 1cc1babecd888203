#include "data/import/resize.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace qrun {
namespace {

/// What a new pixel is made of: old pixels from `first` on, and their shares.
struct Window {
  std::int64_t first = 0;
  std::vector<float> weights;
};

std::vector<Window> windows(std::int64_t from, std::int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double reach = std::max(scale, 1.0);  // of the triangle, to each side
  std::vector<Window> all;
  for (std::int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::max<std::int64_t>(0, std::llround(centre - reach));
    const auto last = std::min<std::int64_t>(from, std::llround(centre + reach));
    std::vector<double> heights;
    double sum = 0;
    for (std::int64_t k = first; k < last; ++k) {
      heights.push_back(std::max(0.0, 1 - std::abs(static_cast<double>(k) + 0.5 - centre) / reach));
      sum += heights.back();
    }
    Window window{first, {}};
    for (const double height : heights) window.weights.push_back(static_cast<float>(height / sum));
    all.push_back(std::move(window));
  }
  return all;
}

/// Resizes one channel: its rows to `across`, then columns to `down`.
void resize_plane(const std::uint8_t* in, std::int64_t in_height, std::int64_t in_width,
                  const std::vector<Window>& across, const std::vector<Window>& down, std::uint8_t* out) {
  std::vector<float> rows;  // [in_height][new width]
  for (std::int64_t y = 0; y < in_height; ++y) {
    for (const Window& window : across) {
      float sum = 0;
      for (std::size_t k = 0; k < window.weights.size(); ++k)
        sum += window.weights[k] * static_cast<float>(in[y * in_width + window.first + static_cast<std::int64_t>(k)]);
      rows.push_back(sum);
    }
  }
  const std::size_t width = across.size();
  for (const Window& window : down) {
    for (std::size_t x = 0; x < width; ++x) {
      float sum = 0;
      for (std::size_t k = 0; k < window.weights.size(); ++k)
        sum += window.weights[k] * rows[(static_cast<std::size_t>(window.first) + k) * width + x];
      *out++ = static_cast<std::uint8_t>(std::lround(std::clamp(sum, 0.0F, 255.0F)));
    }
  }
}

}  // namespace

DecodedImage resized(const DecodedImage& image, std::int64_t height, std::int64_t width) {
  const Shape& in = image.shape;
  if (in.h == height && in.w == width) return image;
  DecodedImage result{{in.c, height, width}, {}};
  result.pixels.resize(static_cast<std::size_t>(result.shape.size()));
  const std::vector<Window> across = windows(in.w, width);
  const std::vector<Window> down = windows(in.h, height);
  for (std::int64_t c = 0; c < in.c; ++c) {
    resize_plane(image.pixels.data() + c * in.h * in.w, in.h, in.w, across, down,
                 result.pixels.data() + c * height * width);
  }
  return result;
}

DecodedImage grey(const DecodedImage& image) {
  if (image.shape.c == 1) return image;
  constexpr std::uint32_t kRed = 19595, kGreen = 38470, kBlue = 7471;  // 65536 together
  const auto plane = static_cast<std::size_t>(image.shape.h * image.shape.w);
  const std::uint8_t* p = image.pixels.data();
  DecodedImage result{{1, image.shape.h, image.shape.w}, {}};
  for (std::size_t i = 0; i < plane; ++i) {
    const std::uint32_t sum = kRed * p[i] + kGreen * p[plane + i] + kBlue * p[2 * plane + i];
    result.pixels.push_back(static_cast<std::uint8_t>((sum + 0x8000U) >> 16U));
  }
  return result;
}

DecodedImage coloured(DecodedImage image) {
  if (image.shape.c == 3) return image;
  const std::size_t plane = image.pixels.size();
  image.pixels.resize(3 * plane);
  for (const std::size_t c : {1U, 2U}) std::copy_n(image.pixels.data(), plane, image.pixels.data() + c * plane);
  image.shape.c = 3;
  return image;
}

}  // namespace qrun
