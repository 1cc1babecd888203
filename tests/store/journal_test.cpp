#include "store/journal.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "support.h"

namespace qrun::test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

using JournalTest = FolderTest;

JournalLine line_of(std::int64_t epoch) {
  const auto x = static_cast<double>(epoch);
  return {{.epoch = epoch,
           .iteration = 10 * (epoch + 1),
           .loss = 0.1 * x,
           .loss_mean = 0.3,
           .lr = 0.01,
           .images_per_second = 5e4},
          TestPoint{.epoch = epoch, .iteration = 10 * (epoch + 1), .loss = 0.2, .accuracy = 0.9}};
}

TEST_F(JournalTest, ReadsWhatItAppended) {
  for (std::int64_t epoch = 0; epoch < 3; ++epoch) append_journal(path("run.jsonl"), line_of(epoch));
  const std::vector<JournalLine> lines = read_journal(path("run.jsonl"));
  ASSERT_EQ(lines.size(), 3);
  EXPECT_EQ(lines[2].train.epoch, 2);
  EXPECT_EQ(lines[2].train.iteration, 30);
  EXPECT_EQ(lines[2].train.loss, 0.1 * 2.0) << "to the last bit";
  EXPECT_EQ(lines[2].train.loss_mean, 0.3);
  EXPECT_EQ(lines[2].train.lr, 0.01);
  EXPECT_EQ(lines[2].train.images_per_second, 5e4);
  ASSERT_TRUE(lines[2].test.has_value());
  EXPECT_EQ(lines[2].test->epoch, 2);
  EXPECT_EQ(lines[2].test->loss, 0.2);
  EXPECT_EQ(lines[2].test->accuracy, 0.9);
}

TEST_F(JournalTest, WritesOneJsonObjectALine) {
  append_journal(path("run.jsonl"), line_of(0));
  const std::string text = read_bytes(path("run.jsonl"));
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  const nlohmann::json json = nlohmann::json::parse(text);
  for (const char* key :
       {"epoch", "iteration", "loss", "loss_mean", "lr", "images_per_second", "test_loss", "test_accuracy"})
    EXPECT_TRUE(json.at(key).is_number()) << key;
  EXPECT_THAT(json.at("time").get<std::string>(), MatchesRegex("....-..-..T..:..:..Z"));
}

TEST_F(JournalTest, LeavesOutTheTestOfAnEpochWithoutOne) {
  JournalLine line = line_of(0);
  line.test.reset();
  append_journal(path("run.jsonl"), line);
  EXPECT_FALSE(read_journal(path("run.jsonl")).at(0).test.has_value());
  EXPECT_EQ(read_bytes(path("run.jsonl")).find("test"), std::string::npos);
}

TEST_F(JournalTest, LeavesOutALineThatWasCut) {
  append_journal(path("run.jsonl"), line_of(0));
  append_journal(path("run.jsonl"), line_of(1));
  const std::string text = read_bytes(path("run.jsonl"));
  const std::size_t first = text.find('\n') + 1;
  for (std::size_t length = first; length + 2 < text.size(); ++length) {
    write_bytes(path("cut.jsonl"), text.substr(0, length));
    ASSERT_EQ(read_journal(path("cut.jsonl")).size(), 1) << length << " bytes";
  }
}

TEST_F(JournalTest, LeavesOutWhatIsNoLineOfAJournal) {
  write_bytes(
      path("run.jsonl"),
      "\n[1]\nnull\n{\"epoch\": \"one\", \"iteration\": 1}\n{\"epoch\": 1}\n{\"epoch\": 4, \"iteration\": 5}\n");
  const std::vector<JournalLine> lines = read_journal(path("run.jsonl"));
  ASSERT_EQ(lines.size(), 1);
  EXPECT_EQ(lines[0].train.epoch, 4);
  EXPECT_TRUE(std::isnan(lines[0].train.loss)) << "what is missing is not zero";
}

TEST_F(JournalTest, KeepsNumbersThatAreNotFinite) {
  JournalLine line = line_of(0);
  line.train.loss = kNaN;
  append_journal(path("run.jsonl"), line);
  EXPECT_THAT(read_bytes(path("run.jsonl")), HasSubstr("\"loss\":null"));
  EXPECT_TRUE(std::isnan(read_journal(path("run.jsonl")).at(0).train.loss));
}

TEST_F(JournalTest, NamesAFileThatItCannotUse) {
  EXPECT_THAT(error_of([&] { append_journal(path("none/run.jsonl"), line_of(0)); }),
              HasSubstr("cannot write " + path("none/run.jsonl") + ": No such file or directory"));
  EXPECT_THAT(error_of([&] { (void)read_journal(path("none.jsonl")); }),
              HasSubstr(path("none.jsonl") + ": cannot read"));
}

}  // namespace
}  // namespace qrun::test
