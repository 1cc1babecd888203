// Images made smaller, larger and grey.
#include "data/import/resize.h"

#include <gmock/gmock.h>

#include <cmath>

#include "math/rng.h"

namespace qrun {
namespace {

using testing::Each;
using testing::ElementsAre;

DecodedImage noise(Shape shape) {
  DecodedImage image{shape, {}};
  for (std::int64_t i = 0; i < shape.size(); ++i)
    image.pixels.push_back(static_cast<std::uint8_t>(random_below(7, 1, static_cast<std::uint64_t>(i), 256)));
  return image;
}

/// The same by its definition, in double: each old pixel by its distance from the new one's centre, rows and columns at
/// once.
double reference(const DecodedImage& image, const Shape& out, std::int64_t c, std::int64_t y, std::int64_t x) {
  const auto share = [](std::int64_t old, std::int64_t now, std::int64_t from, std::int64_t to) {
    const double scale = static_cast<double>(from) / static_cast<double>(to);
    const double distance = std::abs(static_cast<double>(old) + 0.5 - (static_cast<double>(now) + 0.5) * scale);
    return std::max(0.0, 1 - distance / std::max(scale, 1.0));
  };
  const Shape& in = image.shape;
  double sum = 0;
  double weights = 0;
  for (std::int64_t i = 0; i < in.h; ++i) {
    for (std::int64_t j = 0; j < in.w; ++j) {
      const double weight = share(i, y, in.h, out.h) * share(j, x, in.w, out.w);
      weights += weight;
      sum += weight * image.pixels[static_cast<std::size_t>((c * in.h + i) * in.w + j)];
    }
  }
  return sum / weights;
}

TEST(Resize, IsTheTriangleThatItsHeaderSays) {
  const DecodedImage image = noise({3, 13, 9});
  for (const Shape out : {Shape{3, 5, 4}, Shape{3, 1, 1}, Shape{3, 20, 31}, Shape{3, 13, 2}}) {
    const DecodedImage result = resized(image, out.h, out.w);
    ASSERT_EQ(result.shape, out);
    std::size_t i = 0;
    for (std::int64_t c = 0; c < 3; ++c) {
      for (std::int64_t y = 0; y < out.h; ++y) {
        for (std::int64_t x = 0; x < out.w; ++x, ++i)
          EXPECT_NEAR(result.pixels[i], reference(image, out, c, y, x), 0.501) << to_string(out) << " at " << i;
      }
    }
  }
}

TEST(Resize, LeavesWhatIsAlikeAndFlatAsItIs) {
  const DecodedImage image = noise({1, 6, 7});
  EXPECT_EQ(resized(image, 6, 7).pixels, image.pixels);
  const DecodedImage white{{1, 30, 20}, std::vector<std::uint8_t>(600, 255)};
  EXPECT_THAT(resized(white, 7, 50).pixels, Each(255));
}

TEST(Grey, WeighsTheColours) {
  const DecodedImage image{{3, 1, 4}, {255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255}};  // red, green, blue, white
  EXPECT_THAT(grey(image).pixels, ElementsAre(76, 150, 29, 255));
  EXPECT_EQ(grey(image).shape, (Shape{1, 1, 4}));
  EXPECT_THAT(coloured(grey(image)).pixels, ElementsAre(76, 150, 29, 255, 76, 150, 29, 255, 76, 150, 29, 255));
  EXPECT_EQ(coloured(image).pixels, image.pixels);
}

}  // namespace
}  // namespace qrun
