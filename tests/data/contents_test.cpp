// What a run records of a data set: the same wherever it lies, another one where an item, a label or the order changes.
#include "data/contents.h"

#include <gmock/gmock.h>

#include <array>

#include "data/dataset.h"
#include "data/support.h"

namespace qrun {
namespace {

using Items = std::vector<std::pair<std::string, std::string>>;

std::string item(std::int32_t label, const std::string& pixels) {
  return datum(1, 1, 2, label, pixels).SerializeAsString();
}

class ContentsTest : public testing::Test {
 protected:
  Contents written(const Items& items) {
    const std::string folder = tmp_ / ("db" + std::to_string(++databases_));
    write_foreign(folder, items);
    return open_dataset({.lmdb = folder}, Split::kTrain)->contents();
  }

  const TemporaryFolder tmp_;
  int databases_ = 0;
};

TEST_F(ContentsTest, AreTheHashOfTheStoredValuesInKeyOrder) {
  const std::string first = item(4, "ab");
  const std::string second = item(2, "cd");
  Hash128 hash;
  for (const std::string* value : {&first, &second}) hash.add(std::as_bytes(std::span(*value)));
  const Contents contents = written({{"1", second}, {"0", first}});
  EXPECT_EQ(contents, (Contents{.items = 2, .shape = {1, 1, 2}, .classes = 5, .hash = hash.text()}));
  EXPECT_EQ(to_string(contents), "2 items of 1x1x2 in 5 classes (hash " + hash.text() + ")");
}

TEST_F(ContentsTest, DoNotDependOnPathAndKeys) {
  EXPECT_EQ(written({{"0", item(4, "ab")}, {"1", item(2, "cd")}}),
            written({{"a", item(4, "ab")}, {"b", item(2, "cd")}}));
}

TEST_F(ContentsTest, ChangeWithPixelsLabelsOrderAndNumber) {
  const std::string was = written({{"0", item(4, "ab")}, {"1", item(2, "cd")}}).hash;
  EXPECT_NE(written({{"0", item(4, "ab")}, {"1", item(2, "cD")}}).hash, was);
  EXPECT_NE(written({{"0", item(4, "ab")}, {"1", item(3, "cd")}}).hash, was);
  EXPECT_NE(written({{"1", item(4, "ab")}, {"0", item(2, "cd")}}).hash, was);
  EXPECT_NE(written({{"0", item(4, "ab")}, {"1", item(2, "cd")}, {"2", item(2, "cd")}}).hash, was);
  EXPECT_NE(written({{"0", item(4, "ab")}}).hash, was);
}

TEST_F(ContentsTest, AreThoseOfTheWholeSetUpToAGibibyte) {
  ContentsHash hash(30000, std::int64_t{1} << 30, {1, 1, 1});
  std::int64_t taken = 0;
  for (; hash.next() < 30000; ++taken) {
    ASSERT_EQ(hash.next(), taken);
    hash.add({}, 0);
  }
  EXPECT_EQ(taken, 30000);
}

TEST_F(ContentsTest, AreTenThousandItemsAndTheNumberOfAllBeyondAGibibyte) {
  const std::array<std::byte, 1> value{};
  const auto of = [&](std::int64_t items) {
    ContentsHash hash(items, (std::int64_t{1} << 30) + 1, {1, 1, 1});
    std::vector<std::int64_t> taken;
    for (; hash.next() < items; hash.add(value, 0)) taken.push_back(hash.next());
    EXPECT_EQ(taken.size(), 10000U);
    EXPECT_EQ(taken[1] - taken[0], items / 10000);
    EXPECT_EQ(taken.back(), 9999 * items / 10000);
    return hash.contents().hash;
  };
  Hash128 want;
  for (int i = 0; i < 10000; ++i) want.add(value);
  want.add(std::uint64_t{30000});
  EXPECT_EQ(of(30000), want.text());
  EXPECT_NE(of(40000), want.text()) << "equal items, another number of them";
}

TEST_F(ContentsTest, OfDigitsAreTheirPixelsAndLabels) {
  const auto set = open_dataset({.synthetic_digits = 40}, Split::kTrain);
  const Contents contents = set->contents();
  EXPECT_EQ(contents.items, 40);
  EXPECT_EQ(contents.shape, (Shape{1, 28, 28}));
  EXPECT_EQ(contents.classes, 10);
  EXPECT_EQ(open_dataset({.synthetic_digits = 40, .data_seed = 1}, Split::kTrain)->contents(), contents);
  EXPECT_NE(open_dataset({.synthetic_digits = 40, .data_seed = 2}, Split::kTrain)->contents().hash, contents.hash);
  EXPECT_NE(open_dataset({.synthetic_digits = 40}, Split::kTest)->contents().hash, contents.hash);
  Hash128 hash;
  for (std::int64_t i = 0; i < 40; ++i) {
    const Item digit = set->item(i);
    std::string value(digit.bytes.begin(), digit.bytes.end());
    value.append(reinterpret_cast<const char*>(&digit.label), sizeof digit.label);
    hash.add(std::as_bytes(std::span(value)));
  }
  EXPECT_EQ(contents.hash, hash.text());
}

TEST_F(ContentsTest, AreRecordedWithTheirPlaceAndBatchSize) {
  write_foreign(tmp_ / "db", {{"0", item(4, "ab")}});
  const DataSpec spec{.train = {.lmdb = tmp_ / "db", .batch_size = 3}, .test = {.lmdb = tmp_ / "db", .batch_size = 5}};
  const DataRecord record = record_of(spec, open_data(spec));
  EXPECT_EQ(record.train.path, tmp_ / "db");
  EXPECT_EQ(record.train.batch_size, 3);
  EXPECT_EQ(record.test.batch_size, 5);
  EXPECT_EQ(record.train.contents, record.test.contents);
  EXPECT_EQ(record.working_directory, std::filesystem::current_path().string());
  const DataSpec digits{.train = {.synthetic_digits = 40}, .test = {.synthetic_digits = 40}};
  EXPECT_EQ(record_of(digits, open_data(digits), /*draw=*/false).train.contents, Contents{});
}

}  // namespace
}  // namespace qrun
