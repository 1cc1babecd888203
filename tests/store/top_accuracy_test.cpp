// Accuracies by `metrics.top_k`: their names, and all files that they stand in.
#include "store/top_accuracy.h"

#include <cmath>

#include "store/h5.h"
#include "store/journal.h"
#include "store/sweep_file.h"
#include "support.h"

namespace qrun::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using TopAccuracyTest = FolderTest;

RunRecord record_with(std::vector<std::int64_t> ks) {
  RunRecord record = sample_record();
  for (const std::int64_t k : ks)
    record.top.push_back({.k = k, .tests = {0.25, 0.5, 0.75}, .final_test = 0.1 * static_cast<double>(k)});
  return record;
}

TEST(TopAccuracy, ReadsItsOwnNamesAlone) {
  EXPECT_EQ(top_name(5), "accuracy_top5");
  EXPECT_EQ(parse_top_name(top_name(12)), 12);
  for (const char* name : {"accuracy", "accuracy_top", "accuracy_top1", "accuracy_top5x", "accuracy_top-2", "loss"})
    EXPECT_FALSE(parse_top_name(name)) << name;
}

TEST(TopAccuracy, CountsItemsThatFewerClassesBeat) {
  const std::vector<std::int32_t> ranks = {0, 1, 4, 5, 0, 2, 9, 1};
  EXPECT_EQ(top_accuracy(ranks, 1), 2.0 / 8);
  EXPECT_EQ(top_accuracy(ranks, 2), 4.0 / 8);
  EXPECT_EQ(top_accuracy(ranks, 5), 6.0 / 8);
  EXPECT_EQ(top_accuracy(ranks, 10), 1.0);
}

TEST_F(TopAccuracyTest, StandsInTheFileOfARun) {
  write_run(path("a.h5"), record_with({3, 5}));
  const RunRecord read = read_run(path("a.h5"), ReadDepth::kSummary);
  ASSERT_EQ(read.top.size(), 2U);
  EXPECT_EQ(read.top[1].k, 5);
  EXPECT_THAT(read.top[1].tests, ElementsAre(0.25, 0.5, 0.75));
  EXPECT_EQ(read.top[1].final_test, 0.5);
  const h5::File file = h5::File::open(path("a.h5"));
  EXPECT_EQ(file.root().number<double>("final_test_accuracy_top5"), 0.5);
  EXPECT_TRUE(file.root().open("metrics").open("test").has("accuracy_top3"));
}

TEST_F(TopAccuracyTest, StandsInAJournal) {
  append_journal(path("a.jsonl"), {{.epoch = 0, .iteration = 10}, TestPoint{.accuracy = 0.5}, {{2, 0.75}, {5, 0.875}}});
  append_journal(path("a.jsonl"), {{.epoch = 1, .iteration = 20}});
  const std::vector<JournalLine> lines = read_journal(path("a.jsonl"));
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0].top, ElementsAre(std::pair(2, 0.75), std::pair(5, 0.875)));
  EXPECT_THAT(lines[1].top, IsEmpty());
}

TEST_F(TopAccuracyTest, StandsInTheIndexOfASweep) {
  RunRecord with = record_with({5});
  with.run_id = "a";
  RunRecord without = record_with({});
  without.run_id = "b";
  write_run(path("a.h5"), with);
  write_run(path("b.h5"), without);
  SweepFile sweep(path(""));
  EXPECT_THAT(sweep.update().problems, IsEmpty());
  const h5::File file = h5::File::open(sweep.path());
  const std::vector<double> last = file.root().open("summary").read<double>("final_test_accuracy_top5");
  EXPECT_EQ(last.at(0), 0.5);
  EXPECT_TRUE(std::isnan(last.at(1))) << "b was not asked for it";
  const std::vector<double> curves = file.root().open("metrics").read<double>("test_accuracy_top5");
  ASSERT_EQ(curves.size(), 6U);
  EXPECT_EQ(curves[2], 0.75);
  EXPECT_TRUE(std::isnan(curves[3]));
}

}  // namespace
}  // namespace qrun::test
