// The sequence of items that a run sees.
#include <gmock/gmock.h>

#include <set>
#include <thread>

#include "data/dataset.h"
#include "data/support.h"

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

std::vector<std::int32_t> labels(const Batch& batch) { return {batch.labels, batch.labels + batch.n}; }
std::vector<float> images(const Batch& batch, std::int64_t size) {
  return {batch.images, batch.images + batch.n * size};
}

TEST(Feed, RunsOnOverPassesInKeyOrder) {
  const auto feed = make_feed(std::make_shared<Numbered>(5), {}, Split::kTrain, 1);
  EXPECT_THAT(labels(feed->fetch(0, 3)), testing::ElementsAre(0, 1, 2));
  EXPECT_THAT(labels(feed->fetch(3, 3)), testing::ElementsAre(3, 4, 0));
  EXPECT_THAT(labels(feed->fetch(6, 3)), testing::ElementsAre(1, 2, 3));
}

TEST(Feed, ContinuesAnywhere) {
  DataSpec spec;
  spec.train.shuffle = true;
  const auto straight = make_feed(std::make_shared<Numbered>(7), spec, Split::kTrain, 9);
  std::vector<std::int32_t> all;
  for (std::int64_t first = 0; first < 40; first += 4) {
    const std::vector<std::int32_t> part = labels(straight->fetch(first, 4));
    all.insert(all.end(), part.begin(), part.end());
  }
  const auto resumed = make_feed(std::make_shared<Numbered>(7), spec, Split::kTrain, 9);
  for (const std::int64_t first : {20, 24, 3, 0, 36, 20}) {
    EXPECT_EQ(labels(resumed->fetch(first, 4)), std::vector<std::int32_t>(all.begin() + first, all.begin() + first + 4))
        << first;
  }
}

TEST(Feed, ShufflesEachPassAnew) {
  DataSpec spec;
  spec.train.shuffle = true;
  const auto feed = make_feed(std::make_shared<Numbered>(50), spec, Split::kTrain, 9);
  const std::vector<std::int32_t> first = labels(feed->fetch(0, 50));
  const std::vector<std::int32_t> second = labels(feed->fetch(50, 50));
  EXPECT_EQ(std::set<std::int32_t>(first.begin(), first.end()).size(), 50U) << "each item once";
  EXPECT_EQ(std::set<std::int32_t>(second.begin(), second.end()).size(), 50U);
  EXPECT_NE(first, second);
  EXPECT_NE(labels(make_feed(std::make_shared<Numbered>(50), spec, Split::kTrain, 10)->fetch(0, 50)), first)
      << "another seed";
}

TEST(Feed, TestsEveryItemOnceAndStartsAgain) {
  DataSpec spec;
  spec.train.shuffle = true;  // concerns training only
  const auto feed = make_feed(std::make_shared<Numbered>(5), spec, Split::kTest, 1);
  for (int pass = 0; pass < 3; ++pass) {
    EXPECT_THAT(labels(feed->fetch(0, 2)), testing::ElementsAre(0, 1));
    EXPECT_THAT(labels(feed->fetch(2, 2)), testing::ElementsAre(2, 3));
    EXPECT_THAT(labels(feed->fetch(4, 1)), testing::ElementsAre(4));
  }
}

TEST(Feed, ScalesWhatIsLeftOfTheMean) {
  DataSpec spec{.scale = 0.5, .mean = {4}};
  const auto feed = make_feed(std::make_shared<Numbered>(5), spec, Split::kTrain, 1);
  EXPECT_THAT(images(feed->fetch(1, 1), 6), testing::ElementsAre(-1.5F, 3, 8, 13, 18, 23));
}

TEST(Feed, PadsAndCropsTheCentreInTests) {
  DataSpec spec{.crop = 2, .pad = 1};
  const auto feed = make_feed(std::make_shared<Numbered>(5), spec, Split::kTest, 1);
  EXPECT_EQ(feed->shape(), (Shape{1, 2, 2}));
  // The padded image is 4 x 5; its central 2 x 2 starts at row 1, column 1: the image's own top left.
  EXPECT_THAT(images(feed->fetch(3, 1), 4), testing::ElementsAre(3, 10, 30, 40));
}

TEST(Feed, MirrorsHalfOfTheTrainingImages) {
  DataSpec spec{.mirror = true};
  const auto feed = make_feed(std::make_shared<Numbered>(200), spec, Split::kTrain, 1);
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

TEST(Feed, HandsOnTheErrorOfTheItem) {
  const auto set = std::make_shared<Numbered>(10);
  set->broken = 5;
  const auto feed = make_feed(set, {}, Split::kTrain, 1);
  EXPECT_THAT(labels(feed->fetch(0, 4)), testing::ElementsAre(0, 1, 2, 3));
  EXPECT_THROW(feed->fetch(4, 4), Error);
}

TEST(Feed, EndsWithoutHavingBeenAsked) { make_feed(std::make_shared<Numbered>(5), {}, Split::kTrain, 1).reset(); }

}  // namespace
}  // namespace qrun
