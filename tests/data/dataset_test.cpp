// Databases that others wrote, and damaged ones.
#include "data/dataset.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>

#include "core/hash128.h"
#include "data/datum.h"
#include "data/digits.h"
#include "data/support.h"

namespace qrun {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

SourceSpec lmdb(const std::string& folder) { return {.lmdb = folder, .batch_size = 1, .position = {"a.yaml", 3, 9}}; }

std::string opening(const std::string& folder) {
  return message_of([&] { static_cast<void>(open_dataset(lmdb(folder), Split::kTrain)); });
}

TEST(Lmdb, ReadsColourImagesUnderAnyKeysInKeyOrder) {
  const TemporaryFolder tmp;
  write_foreign(tmp / "db", {{"b_cat.jpg", datum(3, 1, 2, 7, "abcdef").SerializeAsString()},
                             {"a_dog.jpg", datum(3, 1, 2, 4, "ghijkl").SerializeAsString()}});
  const auto set = open_dataset(lmdb(tmp / "db"), Split::kTrain);
  EXPECT_EQ(set->items(), 2);
  EXPECT_EQ(set->shape(), (Shape{3, 1, 2}));
  EXPECT_EQ(set->item(0).label, 4);
  EXPECT_EQ(set->item(0).bytes[0], 'g');
  EXPECT_EQ(set->item(1).label, 7);
  EXPECT_EQ(set->item(1).bytes[5], 'f');
}

TEST(Lmdb, ReadsFloatData) {
  const TemporaryFolder tmp;
  proto::Datum d = datum(1, 1, 2, 1, "");
  d.add_float_data(0.5F);
  d.add_float_data(-2);
  write_foreign(tmp / "db", {{"0", d.SerializeAsString()}});
  const auto set = open_dataset(lmdb(tmp / "db"), Split::kTrain);
  const Item item = set->item(0);
  EXPECT_THAT(item.floats, testing::ElementsAre(0.5F, -2.0F));
}

TEST(Lmdb, NamesAValueThatIsNoNumber) {
  const TemporaryFolder tmp;
  const auto with = [&](const std::string& name, float value) {
    proto::Datum sound = datum(2, 2, 3, 1, "");
    for (int i = 0; i < 12; ++i) sound.add_float_data(0.5F);
    proto::Datum broken = sound;
    broken.set_float_data(11, value);
    write_foreign(tmp / name, {{"0", sound.SerializeAsString()}, {"1", broken.SerializeAsString()}});
    return opening(tmp / name);
  };
  EXPECT_EQ(with("sound", -1e30F), "nothing thrown");
  const std::string where = "item 1: value 11 of float_data (channel 1, row 1, column 2) is ";
  EXPECT_THAT(with("nan", std::nanf("")), HasSubstr(where + "NaN; mend the item, or leave it out"));
  EXPECT_THAT(with("infinite", -INFINITY), HasSubstr(where + "infinite; "));
}

TEST(Lmdb, TakesTheBytesOfAnItemThatHasFloatsToo) {
  const TemporaryFolder tmp;
  proto::Datum d = datum(1, 1, 2, 1, "ab");
  d.add_float_data(0.5F);
  write_foreign(tmp / "db", {{"0", d.SerializeAsString()}});
  const auto set = open_dataset(lmdb(tmp / "db"), Split::kTrain);
  EXPECT_THAT(set->item(0).bytes, testing::ElementsAre('a', 'b'));
  EXPECT_EQ(set->memory().floats, nullptr);
}

TEST(Datum, RefusesMoreBytesThanAMessageCanHave) {
  proto::Datum d;
  const std::string_view claimed("", std::size_t{1} << 31);  // refused before it is looked at
  EXPECT_THAT(message_of([&] { parse_item("db", "0", claimed, std::nullopt, d); }),
              HasSubstr("db: item 0: more bytes than a Caffe Datum can have"));
}

TEST(Lmdb, SharesWhatIsOpenedTwice) {
  const TemporaryFolder tmp;
  write_foreign(tmp / "db", {{"0", datum(1, 1, 1, 0, "x").SerializeAsString()}});
  EXPECT_EQ(open_dataset(lmdb(tmp / "db"), Split::kTrain), open_dataset(lmdb(tmp / "db"), Split::kTest));
}

TEST(Lmdb, RefusesWhatItCannotReadAndNamesTheItem) {
  const TemporaryFolder tmp;
  const std::string good = datum(1, 1, 2, 0, "ab").SerializeAsString();
  const auto with = [&](const std::string& name, const std::string& value) {
    write_foreign(tmp / name, {{"00000000", good}, {"00000001", value}});
    return opening(tmp / name);
  };
  EXPECT_THAT(with("shape", datum(1, 2, 2, 0, "abcd").SerializeAsString()),
              HasSubstr("item 00000001: shape 1x2x2 where the first item has 1x1x2"));
  EXPECT_THAT(with("short", datum(1, 1, 2, 0, "a").SerializeAsString()),
              HasSubstr("item 00000001: 1 values where its shape 1x1x2 says 2"));
  EXPECT_THAT(with("label", datum(1, 1, 2, -1, "ab").SerializeAsString()), HasSubstr("item 00000001: label -1"));
  EXPECT_THAT(with("garbage", "\xff\xff\xff"), HasSubstr("item 00000001: not a Caffe Datum"));
  EXPECT_THAT(with("huge", datum(2147483647, 2147483647, 2147483647, 0, "ab").SerializeAsString()),
              HasSubstr("too large to be true"));
}

TEST(Lmdb, PointsAtTheConfigurationWhereThereIsNone) {
  const TemporaryFolder tmp;
  EXPECT_THAT(opening(tmp / "nowhere"), StartsWith("a.yaml:3:9: data.train.lmdb: "));
  EXPECT_THAT(opening(tmp / "nowhere"), HasSubstr("no such folder; make one with `qrun data`"));
  EXPECT_THAT(opening(std::string(5000, 'x')), StartsWith("a.yaml:3:9: data.train.lmdb: "));
  std::filesystem::create_directory(tmp / "bare");
  EXPECT_THAT(opening(tmp / "bare"), HasSubstr("holds no data.mdb"));
  write_foreign(tmp / "empty", {});
  EXPECT_THAT(opening(tmp / "empty"), HasSubstr("the database is empty"));
}

TEST(OpenData, ComparesBothSets) {
  const TemporaryFolder tmp;
  write_foreign(tmp / "train", {{"0", datum(1, 4, 4, 3, std::string(16, 'x')).SerializeAsString()}});
  write_foreign(tmp / "test", {{"0", datum(1, 4, 5, 9, std::string(20, 'x')).SerializeAsString()}});
  DataSpec spec{.train = lmdb(tmp / "train"), .test = lmdb(tmp / "test")};
  EXPECT_THAT(message_of([&] { static_cast<void>(open_data(spec)); }),
              HasSubstr("images of 1x4x5, but training images are 1x4x4"));
  spec.test = spec.train;
  EXPECT_EQ(open_data(spec).largest_label, 3);
  spec.crop = 5;
  EXPECT_THAT(message_of([&] { static_cast<void>(open_data(spec)); }),
              HasSubstr("data.crop: 5 is larger than the padded image 1x4x4"));
  spec.pad = 1;
  EXPECT_EQ(open_data(spec).shape, (Shape{1, 5, 5}));
  spec.mean = {1, 2, 3};
  EXPECT_THAT(message_of([&] { static_cast<void>(open_data(spec)); }),
              HasSubstr("data.mean: 3 values for images of 1 channels"));
}

TEST(OpenData, KnowsLabelsThatComeClassByClass) {
  const auto is_sorted = [](std::int64_t items, const auto& label_of) {
    const TemporaryFolder folder;
    std::vector<std::pair<std::string, std::string>> all;
    for (std::int64_t i = 0; i < items; ++i)
      all.emplace_back(fmt::format("{:06}", i),
                       datum(1, 1, 1, static_cast<std::int32_t>(label_of(i)), "x").SerializeAsString());
    write_foreign(folder / "set", all);
    DataSpec spec;
    spec.train.lmdb = spec.test.lmdb = folder / "set";
    spec.train.batch_size = spec.test.batch_size = 10;
    return open_data(spec).is_sorted;
  };
  EXPECT_TRUE(is_sorted(1200, [](auto) { return 3; })) << "and others may come behind the first 1,000";
  EXPECT_TRUE(is_sorted(1200, [](auto i) { return i / 120; }));
  EXPECT_TRUE(is_sorted(100, [](auto i) { return 9 - i / 10; })) << "in any order of the classes";
  EXPECT_FALSE(is_sorted(1000, [](auto) { return 3; })) << "no order mends a set of one class";
  EXPECT_FALSE(is_sorted(1200, [](auto i) { return i % 10; }));
  EXPECT_FALSE(is_sorted(1200, [](auto i) { return i / 100 % 5; })) << "classes come back";
  EXPECT_FALSE(is_sorted(50, [](auto i) { return i / 5; })) << "blocks of few";
}

TEST(OpenData, KnowsTestLabelsThatAreNone) {
  const auto lacks_labels = [](std::int64_t items, std::int64_t labelled, int side = 1) {
    const TemporaryFolder folder;
    std::vector<std::pair<std::string, std::string>> all;
    for (std::int64_t i = 0; i < items; ++i) {
      all.emplace_back(fmt::format("{:06}", i), datum(1, side, side, i == labelled ? 3 : 0,
                                                      std::string(static_cast<std::size_t>(side * side), 'x'))
                                                    .SerializeAsString());
    }
    write_foreign(folder / "set", all, {.map_bytes = std::size_t{1} << 30});
    return open_data({.train = lmdb(folder / "set"), .test = lmdb(folder / "set")}).test_lacks_labels;
  };
  EXPECT_TRUE(lacks_labels(3, -1));
  EXPECT_FALSE(lacks_labels(3, 0));
  EXPECT_TRUE(lacks_labels(1200, -1));
  EXPECT_FALSE(lacks_labels(1200, 1101)) << "behind the first 1,000";
  EXPECT_TRUE(lacks_labels(257, -1, 1024)) << "read item by item";
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {  // a single 0 among them
    EXPECT_FALSE(open_data({.train = {.synthetic_digits = 1}, .test = {.synthetic_digits = 1, .data_seed = seed}})
                     .test_lacks_labels);
  }
}

TEST(SyntheticDigits, AreAFunctionOfSeedSplitAndIndex) {
  const std::vector<std::uint8_t> few = draw_digits(20, 1, Split::kTrain);
  const std::vector<std::uint8_t> many = draw_digits(600, 1, Split::kTrain);
  EXPECT_TRUE(std::equal(few.begin(), few.end(), many.begin()));
  EXPECT_NE(draw_digits(20, 2, Split::kTrain), few);
  EXPECT_NE(draw_digits(20, 1, Split::kTest), few);
}

TEST(SyntheticDigits, AreTheSameOfEveryCompiler) {
  Hash128 hash;
  hash.add(std::as_bytes(std::span<const std::uint8_t>(draw_digits(600, 1, Split::kTrain))));
  EXPECT_EQ(hash.text(), "e0e734ff3e0088047996ec80d7c68cbe") << "those of the first release";
}

TEST(SyntheticDigits, AreOfAllClassesAndDifferWithinOne) {
  std::vector<int> counts(10);
  for (std::int64_t i = 0; i < 2000; ++i) ++counts[static_cast<std::size_t>(digit_label(1, Split::kTrain, i))];
  for (const int count : counts) EXPECT_NEAR(count, 200, 4 * std::sqrt(180.0)) << "four standard deviations";
  const std::vector<std::uint8_t> pixels = draw_digits(200, 1, Split::kTrain);
  std::set<std::vector<std::uint8_t>> distinct;
  for (std::ptrdiff_t i = 0; i < 200; ++i) {
    const std::vector<std::uint8_t> image(pixels.begin() + 784 * i, pixels.begin() + 784 * (i + 1));
    EXPECT_GT(std::ranges::max(image), 100) << i;
    distinct.insert(image);
  }
  EXPECT_EQ(distinct.size(), 200U);
}

}  // namespace
}  // namespace qrun
