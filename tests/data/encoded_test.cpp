// Datum messages that hold a JPEG or PNG file.
#include <gmock/gmock.h>

#include "core/hash128.h"
#include "data/dataset.h"
#include "data/datum.h"
#include "data/image_files.h"
#include "data/support.h"

namespace qrun {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

using Items = std::vector<std::pair<std::string, std::string>>;

/// As Caffe writes it, which says nothing of the shape.
std::string encoded(const std::string& file, std::int32_t label) {
  proto::Datum d;
  d.set_data(file);
  d.set_label(label);
  d.set_encoded(true);
  return d.SerializeAsString();
}
std::string grey_png(std::int64_t h, std::int64_t w, std::uint8_t value) {
  const std::vector<std::uint8_t> rows(static_cast<std::size_t>(h * w), value);
  return png_file(h, w, rows, {.colour_type = PNG_COLOR_TYPE_GRAY});
}

std::shared_ptr<const Dataset> opened(const std::string& path) {
  return open_dataset({.lmdb = path, .batch_size = 1, .position = {"a.yaml", 3, 9}}, Split::kTrain);
}
std::string opening(const Items& items) {
  const TemporaryFolder tmp;
  write_foreign(tmp / "db", items);
  return message_of([&] { static_cast<void>(opened(tmp / "db")); });
}

TEST(Encoded, GivesThePlanesOfBlueGreenAndRed) {
  const TemporaryFolder tmp;
  write_foreign(tmp / "db", {{"0", encoded(png_file(1, 2, {10, 20, 30, 11, 21, 31}), 4)},
                             {"1", datum(3, 1, 2, 5, "abcdef").SerializeAsString()}});
  const auto set = opened(tmp / "db");
  EXPECT_EQ(set->shape(), (Shape{3, 1, 2}));
  EXPECT_THAT(set->item(0).bytes, ElementsAre(30, 31, 20, 21, 10, 11));
  EXPECT_EQ(set->item(0).label, 4);
  EXPECT_THAT(set->item(1).bytes, ElementsAre('a', 'b', 'c', 'd', 'e', 'f')) << "one that is not compressed, beside it";
}

TEST(Encoded, ReadsGreyJpegsOfAnyNumber) {
  const TemporaryFolder tmp;
  Items items;
  constexpr int kItems = 5000;  // more than are read at a time
  for (int i = 0; i < kItems; ++i) {
    const std::vector<std::uint8_t> rows(12, static_cast<std::uint8_t>(i % 200));
    items.emplace_back(std::to_string(10000 + i), encoded(jpeg_file({1, 4, 3}, rows), i % 7));
  }
  write_foreign(tmp / "db", items);
  const auto set = opened(tmp / "db");
  ASSERT_EQ(set->items(), kItems);
  for (int i = 0; i < kItems; ++i) {
    ASSERT_EQ(set->item(i).label, i % 7);
    ASSERT_THAT(set->item(i).bytes, Each(i % 200)) << i;
  }
}

TEST(Encoded, HashesTheStoredValues) {
  const TemporaryFolder tmp;
  const std::string value = encoded(grey_png(2, 2, 9), 3);
  write_foreign(tmp / "db", {{"0", value}});
  Hash128 hash;
  hash.add(std::as_bytes(std::span(value)));
  EXPECT_EQ(opened(tmp / "db")->contents(),
            (Contents{.items = 1, .shape = {1, 2, 2}, .classes = 4, .hash = hash.text()}));
}

TEST(Encoded, NamesTheItemAndWhatIsWrongWithIt) {
  const std::string sound = encoded(grey_png(2, 2, 9), 0);
  EXPECT_THAT(opening({{"0", sound}, {"1", encoded(grey_png(2, 3, 9), 0)}}),
              HasSubstr("item 1: shape 1x2x3 where the first item has 1x2x2; all items need one: `convert_imageset "
                        "--resize_height=2 --resize_width=2` makes it so"));
  EXPECT_THAT(opening({{"0", sound}, {"1", encoded(png_file(2, 2, std::vector<std::uint8_t>(12)), 0)}}),
              HasSubstr("item 1: shape 3x2x2 where the first item has 1x2x2; all items need one, all grey (--gray) or "
                        "all of colour"));
  EXPECT_THAT(opening({{"0", sound}, {"1", encoded("GIF89a", 0)}}),
              HasSubstr("item 1: its encoded image: a GIF file; convert it to PNG"));
  EXPECT_THAT(opening({{"0", sound}, {"1", encoded(grey_png(2, 2, 9).substr(0, 60), 0)}}),
              HasSubstr("item 1: its encoded image: the PNG cannot be decoded: the file is cut"));
  EXPECT_THAT(opening({{"0", encoded("", 0)}}), HasSubstr("item 0: its encoded image: no bytes"));
}

TEST(Encoded, NamesTheFirstOfManyBrokenItems) {
  Items items;
  for (int i = 100; i < 400; ++i)
    items.emplace_back(std::to_string(i), encoded(i > 157 ? "broken" : grey_png(2, 2, 9), 0));
  for (int trial = 0; trial < 5; ++trial) EXPECT_THAT(opening(items), HasSubstr("item 158: "));
}

class EncodedLarge : public testing::Test {
 protected:
  EncodedLarge() {
    Items items;
    for (int i = 0; i < 257; ++i)  // 1 MiB each: as many as are not kept in memory
      items.emplace_back(std::to_string(1000 + i), encoded(grey_png(1024, 1024, static_cast<std::uint8_t>(i)), i % 10));
    items[200].second = encoded("broken", 6);
    write_foreign(tmp_ / "db", items);
    set_ = opened(tmp_ / "db");
  }
  TemporaryFolder tmp_;
  std::shared_ptr<const Dataset> set_;
};

TEST_F(EncodedLarge, IsDecodedWhenItIsAskedFor) {
  EXPECT_EQ(set_->memory().items, 0);
  EXPECT_EQ(set_->contents().classes, 10) << "taken without a look at the images";
  EXPECT_EQ(set_->label(200), 6);
  RunData data;
  data.train = data.test = set_;
  const auto feed = make_feed(data, {}, Split::kTrain, 1);
  const Batch batch = feed->fetch(30, 20);
  for (std::int64_t i = 0; i < 20; ++i) {
    ASSERT_EQ(batch.labels[i], (30 + i) % 10);
    ASSERT_EQ(batch.images[i << 20], static_cast<float>(30 + i));
    ASSERT_EQ(batch.images[((i + 1) << 20) - 1], static_cast<float>(30 + i));
  }
  EXPECT_THAT(message_of([&] { feed->fetch(195, 10); }),
              HasSubstr("item 1200: its encoded image: neither JPEG nor PNG"));
}

}  // namespace
}  // namespace qrun
