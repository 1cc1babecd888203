// Each digit is a few curves through control points in a unit square (y down). Points are jittered, then mapped by a
// random affine transformation; a pixel is as bright as its distance to the nearest stroke says.
#include "data/digits.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <numbers>

#include "core/machine.h"
#include "core/threads.h"
#include "math/rng.h"

namespace qrun {
namespace {

struct Point {
  float x, y;
};
using Stroke = std::vector<Point>;

constexpr std::uint64_t kNumbersAnItem = 4096;  // of one item's own random sequence
constexpr int kCurveSteps = 4;                  // segments between two control points

const std::array<std::vector<Stroke>, 10>& glyphs() {
  static const std::array<std::vector<Stroke>, 10> kGlyphs = {{
      {{{.5F, .06F},
        {.26F, .2F},
        {.2F, .5F},
        {.28F, .8F},
        {.5F, .94F},
        {.73F, .8F},
        {.8F, .5F},
        {.73F, .2F},
        {.5F, .06F}}},
      {{{.34F, .27F}, {.45F, .18F}, {.54F, .06F}, {.53F, .5F}, {.52F, .94F}}},
      {{{.22F, .28F}, {.32F, .1F}, {.56F, .06F}, {.75F, .22F}, {.68F, .46F}, {.44F, .7F}, {.22F, .92F}},
       {{.22F, .92F}, {.5F, .9F}, {.8F, .92F}}},
      {{{.24F, .16F}, {.48F, .06F}, {.72F, .2F}, {.66F, .4F}, {.44F, .48F}},
       {{.44F, .48F}, {.7F, .56F}, {.77F, .76F}, {.54F, .94F}, {.22F, .84F}}},
      {{{.6F, .06F}, {.4F, .36F}, {.18F, .64F}},
       {{.18F, .64F}, {.5F, .63F}, {.84F, .62F}},
       {{.64F, .34F}, {.63F, .64F}, {.62F, .95F}}},
      {{{.76F, .08F}, {.54F, .09F}, {.32F, .1F}},
       {{.32F, .1F}, {.29F, .26F}, {.27F, .45F}},
       {{.27F, .45F}, {.52F, .38F}, {.76F, .54F}, {.72F, .82F}, {.48F, .94F}, {.22F, .86F}}},
      {{{.7F, .1F},
        {.46F, .2F},
        {.28F, .46F},
        {.24F, .74F},
        {.42F, .94F},
        {.68F, .88F},
        {.76F, .68F},
        {.6F, .5F},
        {.38F, .55F},
        {.26F, .7F}}},
      {{{.2F, .1F}, {.5F, .1F}, {.8F, .09F}}, {{.8F, .09F}, {.6F, .42F}, {.46F, .7F}, {.4F, .95F}}},
      {{{.5F, .48F}, {.29F, .36F}, {.3F, .14F}, {.52F, .06F}, {.72F, .16F}, {.7F, .36F}, {.5F, .48F}},
       {{.5F, .48F}, {.27F, .6F}, {.24F, .84F}, {.5F, .95F}, {.76F, .84F}, {.74F, .62F}, {.5F, .48F}}},
      {{{.74F, .3F},
        {.58F, .46F},
        {.34F, .46F},
        {.24F, .28F},
        {.36F, .09F},
        {.6F, .07F},
        {.75F, .22F},
        {.73F, .55F},
        {.6F, .94F}}},
  }};
  return kGlyphs;
}

/// The random numbers of one item, taken in order: one a statement, or between braces, for compilers differ in the order
/// of a call's arguments.
class Draws {
 public:
  Draws(std::uint64_t seed, Split split, std::int64_t index)
      : seed_(seed),
        stream_(stream::kDigits + (split == Split::kTest ? 0x100 : 0)),
        next_(static_cast<std::uint64_t>(index) * kNumbersAnItem) {}
  /// Returns a number, uniform in [low, high).
  float between(float low, float high) {
    return low + (high - low) * static_cast<float>(random_uniform(seed_, stream_, next_++));
  }
  bool chance(float probability) { return between(0, 1) < probability; }

 private:
  std::uint64_t seed_, stream_, next_;
};

/// A unit-square point on the canvas.
struct Affine {
  float a, b, c, d, x, y;
  [[nodiscard]] Point operator()(Point p) const {
    return {a * (p.x - .5F) + b * (p.y - .5F) + x, c * (p.x - .5F) + d * (p.y - .5F) + y};
  }
};
Affine random_affine(Draws& draws) {
  const float angle = draws.between(-.3F, .3F);
  const float shear = draws.between(-.3F, .3F);
  const float wide = draws.between(13.0F, 21.0F);
  const float high = draws.between(16.0F, 22.0F);
  const float cosine = std::cos(angle);
  const float sine = std::sin(angle);
  return {.a = cosine * wide,
          .b = (cosine * shear - sine) * high,
          .c = sine * wide,
          .d = (sine * shear + cosine) * high,
          .x = 14.0F + draws.between(-2.5F, 2.5F),
          .y = 14.0F + draws.between(-2.5F, 2.5F)};
}

using Canvas = std::array<float, kDigitSize * kDigitSize>;

/// Brightens pixels within `radius` of the segment, with a soft edge of one pixel.
void draw_segment(Canvas& canvas, Point from, Point to, float radius, float ink) {
  const float reach = radius + 1.0F;
  const auto bound = [](float v) { return std::clamp<int>(static_cast<int>(std::floor(v)), 0, kDigitSize - 1); };
  const float dx = to.x - from.x;
  const float dy = to.y - from.y;
  const float length2 = std::max(dx * dx + dy * dy, 1e-6F);
  for (int row = bound(std::min(from.y, to.y) - reach); row <= bound(std::max(from.y, to.y) + reach); ++row) {
    for (int col = bound(std::min(from.x, to.x) - reach); col <= bound(std::max(from.x, to.x) + reach); ++col) {
      const float px = static_cast<float>(col) + .5F - from.x;
      const float py = static_cast<float>(row) + .5F - from.y;
      const float along = std::clamp((px * dx + py * dy) / length2, 0.0F, 1.0F);
      const float off_x = px - along * dx;
      const float off_y = py - along * dy;
      const float distance = std::sqrt(off_x * off_x + off_y * off_y);
      float& pixel = canvas[static_cast<std::size_t>(row * kDigitSize + col)];
      pixel = std::max(pixel, ink * std::clamp(radius + .5F - distance, 0.0F, 1.0F));
    }
  }
}

/// A Catmull-Rom curve through the points.
void draw_curve(Canvas& canvas, const Stroke& points, float radius, float ink) {
  const auto at = [&](std::ptrdiff_t i) {
    return points[static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(i, 0, std::ssize(points) - 1))];
  };
  Point before = points[0];
  for (std::ptrdiff_t i = 0; i + 1 < std::ssize(points); ++i) {
    for (int step = 1; step <= kCurveSteps; ++step) {
      const float t = static_cast<float>(step) / kCurveSteps;
      const auto blend = [t](float p0, float p1, float p2, float p3) {
        return .5F * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t * t +
                      (3 * p1 - p0 - 3 * p2 + p3) * t * t * t);
      };
      const Point p{blend(at(i - 1).x, at(i).x, at(i + 1).x, at(i + 2).x),
                    blend(at(i - 1).y, at(i).y, at(i + 1).y, at(i + 2).y)};
      draw_segment(canvas, before, p, radius, ink);
      before = p;
    }
  }
}

/// Things that are not the digit: a stray stroke, a bar across it, speckles and noise.
void disturb(Canvas& canvas, Draws& draws) {
  const auto anywhere = [&] { return Point{draws.between(0, kDigitSize), draws.between(0, kDigitSize)}; };
  if (draws.chance(.2F)) {
    const Point from = anywhere();
    const float ink = draws.between(.4F, 1.0F);
    const float radius = draws.between(.4F, 1.0F);
    const Point to{from.x + draws.between(-6, 6), from.y + draws.between(-6, 6)};
    draw_segment(canvas, from, to, radius, ink);
  }
  if (draws.chance(.12F)) {
    const auto row = static_cast<std::size_t>(draws.between(5, 22));
    std::fill_n(canvas.begin() + static_cast<std::ptrdiff_t>(row * kDigitSize), 2 * kDigitSize, 0.0F);
  }
  const float noise = draws.between(0, .25F);
  for (float& pixel : canvas) pixel = std::clamp(pixel + noise * draws.between(-1, 1), 0.0F, 1.0F);
}

void draw_digit(std::uint64_t seed, Split split, std::int64_t index, std::uint8_t* pixels) {
  Draws draws(seed, split, index);
  const auto digit = static_cast<std::size_t>(draws.between(0, 10));
  const Affine place = random_affine(draws);
  const float radius = draws.between(.5F, 1.7F);
  const float ink = draws.between(.65F, 1.0F);
  Canvas canvas{};
  for (const Stroke& stroke : glyphs()[digit]) {
    Stroke bent;
    for (const Point p : stroke)
      bent.push_back(place({p.x + draws.between(-.05F, .05F), p.y + draws.between(-.05F, .05F)}));
    draw_curve(canvas, bent, radius, ink);
  }
  disturb(canvas, draws);
  std::ranges::transform(canvas, pixels, [](float v) { return static_cast<std::uint8_t>(std::lround(255.0F * v)); });
}

}  // namespace

std::int32_t digit_label(std::uint64_t seed, Split split, std::int64_t index) {
  return static_cast<std::int32_t>(Draws(seed, split, index).between(0, 10));
}

std::vector<std::uint8_t> draw_digits(std::int64_t items, std::uint64_t seed, Split split) {
  constexpr std::int64_t kSize = kDigitSize * kDigitSize;
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(items * kSize));
  constexpr std::int64_t kPart = 256;  // items that a thread takes at a time
  std::atomic<std::int64_t> next = 0;
  on_threads(std::min<std::int64_t>(usable_processors(), items / kPart), [&] {
    for (std::int64_t first = next.fetch_add(kPart); first < items; first = next.fetch_add(kPart)) {
      for (std::int64_t i = first; i < std::min(first + kPart, items); ++i)
        draw_digit(seed, split, i, pixels.data() + i * kSize);
    }
  });
  return pixels;
}

}  // namespace qrun
