// The sequence of items that a run sees.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <future>
#include <set>
#include <thread>
#include <tuple>

#include "data/dataset.h"
#include "data/mean_image.h"
#include "data/support.h"
#include "math/rng.h"

namespace qrun {
namespace {

/// Item i is a 2 x 3 image whose first pixel is i; its label is i.
class Numbered : public Dataset {
 public:
  explicit Numbered(std::int64_t items) : items_(items) {}
  [[nodiscard]] Shape shape() const override { return {1, 2, 3}; }
  [[nodiscard]] std::int64_t items() const override { return items_; }
  [[nodiscard]] Item item(std::int64_t index) const override {
    if (index == broken) throw Error("item is broken");
    thread_local std::array<std::uint8_t, 6> pixels;
    pixels = {static_cast<std::uint8_t>(index), 10, 20, 30, 40, 50};
    Item item;
    item.bytes = pixels;
    item.label = static_cast<std::int32_t>(index);
    return item;
  }
  [[nodiscard]] const Contents& contents() const override { return contents_; }
  std::int64_t broken = -1;

 private:
  std::int64_t items_;
  Contents contents_;
};

/// A feed of this set alone.
std::shared_ptr<Feed> feed_of(std::shared_ptr<const Dataset> set, const DataSpec& spec, Split split,
                              std::uint64_t seed) {
  RunData data;
  data.train = data.test = std::move(set);
  return make_feed(data, spec, split, seed);
}

std::vector<std::int32_t> labels(const Batch& batch) { return {batch.labels, batch.labels + batch.n}; }
std::vector<float> images(const Batch& batch, std::int64_t size) {
  return {batch.images, batch.images + batch.n * size};
}

TEST(Feed, RunsOnOverPassesInKeyOrder) {
  const auto feed = feed_of(std::make_shared<Numbered>(5), {}, Split::kTrain, 1);
  EXPECT_THAT(labels(feed->fetch(0, 3)), testing::ElementsAre(0, 1, 2));
  EXPECT_THAT(labels(feed->fetch(3, 3)), testing::ElementsAre(3, 4, 0));
  EXPECT_THAT(labels(feed->fetch(6, 3)), testing::ElementsAre(1, 2, 3));
}

TEST(Feed, ContinuesAnywhere) {
  DataSpec spec;
  spec.train.shuffle = true;
  const auto straight = feed_of(std::make_shared<Numbered>(7), spec, Split::kTrain, 9);
  std::vector<std::int32_t> all;
  for (std::int64_t first = 0; first < 40; first += 4) {
    const std::vector<std::int32_t> part = labels(straight->fetch(first, 4));
    all.insert(all.end(), part.begin(), part.end());
  }
  const auto resumed = feed_of(std::make_shared<Numbered>(7), spec, Split::kTrain, 9);
  for (const std::int64_t first : {20, 24, 3, 0, 36, 20}) {
    EXPECT_EQ(labels(resumed->fetch(first, 4)), std::vector<std::int32_t>(all.begin() + first, all.begin() + first + 4))
        << first;
  }
}

TEST(Feed, ShufflesEachPassAnew) {
  DataSpec spec;
  spec.train.shuffle = true;
  const auto feed = feed_of(std::make_shared<Numbered>(50), spec, Split::kTrain, 9);
  const std::vector<std::int32_t> first = labels(feed->fetch(0, 50));
  const std::vector<std::int32_t> second = labels(feed->fetch(50, 50));
  EXPECT_EQ(std::set<std::int32_t>(first.begin(), first.end()).size(), 50U) << "each item once";
  EXPECT_EQ(std::set<std::int32_t>(second.begin(), second.end()).size(), 50U);
  EXPECT_NE(first, second);
  EXPECT_NE(labels(feed_of(std::make_shared<Numbered>(50), spec, Split::kTrain, 10)->fetch(0, 50)), first)
      << "another seed";
}

TEST(Feed, TestsEveryItemOnceAndStartsAgain) {
  DataSpec spec;
  spec.train.shuffle = true;  // concerns training only
  const auto feed = feed_of(std::make_shared<Numbered>(5), spec, Split::kTest, 1);
  for (int pass = 0; pass < 3; ++pass) {
    EXPECT_THAT(labels(feed->fetch(0, 2)), testing::ElementsAre(0, 1));
    EXPECT_THAT(labels(feed->fetch(2, 2)), testing::ElementsAre(2, 3));
    EXPECT_THAT(labels(feed->fetch(4, 1)), testing::ElementsAre(4));
  }
}

TEST(Feed, ScalesWhatIsLeftOfTheMean) {
  DataSpec spec{.scale = 0.5, .mean = {4}};
  const auto feed = feed_of(std::make_shared<Numbered>(5), spec, Split::kTrain, 1);
  EXPECT_THAT(images(feed->fetch(1, 1), 6), testing::ElementsAre(-1.5F, 3, 8, 13, 18, 23));
}

TEST(Feed, PadsAndCropsTheCentreInTests) {
  DataSpec spec{.crop = 2, .pad = 1};
  const auto feed = feed_of(std::make_shared<Numbered>(5), spec, Split::kTest, 1);
  EXPECT_EQ(feed->shape(), (Shape{1, 2, 2}));
  // The padded image is 4 x 5; its central 2 x 2 starts at row 1, column 1: the image's own top left.
  EXPECT_THAT(images(feed->fetch(3, 1), 4), testing::ElementsAre(3, 10, 30, 40));
}

TEST(Feed, MirrorsHalfOfTheTrainingImages) {
  DataSpec spec{.mirror = true};
  const auto feed = feed_of(std::make_shared<Numbered>(200), spec, Split::kTrain, 1);
  const std::vector<float> pixels = images(feed->fetch(0, 200), 6);
  int mirrored = 0;
  for (std::size_t i = 0; i < 200; ++i) {
    const bool flipped = pixels[6 * i] == 20.0F;
    mirrored += flipped ? 1 : 0;
    EXPECT_EQ(pixels[6 * i + (flipped ? 2 : 0)], static_cast<float>(i));
    EXPECT_EQ(pixels[6 * i + 4], 40.0F);
  }
  EXPECT_NEAR(mirrored, 100, 4 * std::sqrt(50.0)) << "four standard deviations";
}

/// Ten random images of 2 x 5 x 6.
class Noise : public Dataset {
 public:
  [[nodiscard]] Shape shape() const override { return {2, 5, 6}; }
  [[nodiscard]] std::int64_t items() const override { return 10; }
  [[nodiscard]] Item item(std::int64_t index) const override {
    thread_local std::array<std::uint8_t, 60> pixels;
    for (std::size_t i = 0; i < 60; ++i) pixels.at(i) = pixel(index, i);
    Item item;
    item.bytes = pixels;
    return item;
  }
  [[nodiscard]] const Contents& contents() const override { return contents_; }
  static std::uint8_t pixel(std::int64_t index, std::size_t i) {
    return static_cast<std::uint8_t>(random_below(3, 1, static_cast<std::uint64_t>(index) * 60 + i, 256));
  }

 private:
  Contents contents_;
};

/// Plainly: the mean taken off, scaled, put into a frame of zeros, mirrored, cut out. `left` counts in the mirror.
std::vector<float> plain(std::int64_t item, const MeanImage& mean, float scale, std::int64_t top, std::int64_t left,
                         bool mirrored) {
  constexpr std::int64_t kPad = 1, kCrop = 4;
  std::vector<float> out;
  for (std::int64_t c = 0; c < 2; ++c) {
    std::array<std::array<float, 8>, 7> frame{};
    for (std::size_t y = 0; y < 5; ++y) {
      for (std::size_t x = 0; x < 6; ++x) {
        const std::size_t at = (static_cast<std::size_t>(c) * 5 + y) * 6 + x;
        frame.at(y + kPad).at(x + kPad) = (static_cast<float>(Noise::pixel(item, at)) - mean.values[at]) * scale;
      }
    }
    if (mirrored) {
      for (auto& row : frame) std::ranges::reverse(row);
    }
    for (std::int64_t y = top; y < top + kCrop; ++y) {
      for (std::int64_t x = left; x < left + kCrop; ++x)
        out.push_back(frame.at(static_cast<std::size_t>(y)).at(static_cast<std::size_t>(x)));
    }
  }
  return out;
}

TEST(Feed, TakesOffAMeanImageThatIsCroppedAndMirroredWithTheImage) {
  DataSpec spec{.scale = 0.25, .mean_of_train = true, .crop = 4, .mirror = true, .pad = 1};
  RunData data;
  data.train = data.test = std::make_shared<Noise>();
  const MeanImage mean = mean_image_of(*data.train);
  data.mean_image = std::async(std::launch::deferred, [&] { return mean; }).share();
  const auto train = make_feed(data, spec, Split::kTrain, 5);
  std::set<std::tuple<std::int64_t, std::int64_t, bool>> places;
  for (std::int64_t i = 0; i < 400; ++i) {
    const std::vector<float> image = images(train->fetch(i, 1), 32);
    int found = 0;
    for (std::int64_t place = 0; place < 4 * 5 * 2; ++place) {
      const std::int64_t top = place / 10;
      const std::int64_t left = place / 2 % 5;
      const bool mirrored = place % 2 == 1;
      if (image != plain(i % 10, mean, 0.25F, top, left, mirrored)) continue;
      ++found;
      places.emplace(top, left, mirrored);
    }
    EXPECT_EQ(found, 1) << "item " << i << " is one cut of its image";
  }
  EXPECT_EQ(places.size(), 40U) << "and all of them occur";
  const auto test = make_feed(data, spec, Split::kTest, 5);
  EXPECT_EQ(images(test->fetch(3, 1), 32), plain(3, mean, 0.25F, 1, 2, false)) << "the middle";
}

TEST(Feed, TakesOffAMeanImageOfWholeImages) {
  DataSpec spec{.scale = 2, .mean_of_train = true};
  RunData data;
  data.train = data.test = std::make_shared<Noise>();
  const MeanImage mean = mean_image_of(*data.train);
  data.mean_image = std::async(std::launch::deferred, [&] { return mean; }).share();
  const std::vector<float> image = images(make_feed(data, spec, Split::kTrain, 5)->fetch(7, 1), 60);
  for (std::size_t i = 0; i < 60; ++i)
    EXPECT_EQ(image[i], (static_cast<float>(Noise::pixel(7, i)) - mean.values[i]) * 2.0F);
}

TEST(Feed, HandsOnTheErrorOfTheItem) {
  const auto set = std::make_shared<Numbered>(10);
  set->broken = 5;
  const auto feed = feed_of(set, {}, Split::kTrain, 1);
  EXPECT_THAT(labels(feed->fetch(0, 4)), testing::ElementsAre(0, 1, 2, 3));
  EXPECT_THROW(feed->fetch(4, 4), Error);
}

TEST(Feed, EndsWithoutHavingBeenAsked) { feed_of(std::make_shared<Numbered>(5), {}, Split::kTrain, 1).reset(); }

}  // namespace
}  // namespace qrun
