// The tables of metrics, and that every place where metrics are stored follows them.
#include "store/metrics.h"

#include <nlohmann/json.hpp>

#include "store/journal.h"
#include "store/sweep_file.h"
#include "support.h"

namespace qrun::test {
namespace {

using testing::Contains;
using testing::ElementsAreArray;
using testing::IsSupersetOf;

template <class Table>
std::vector<std::string> names_of(const Table& table, const std::string& prefix = "") {
  std::vector<std::string> names;
  for_each_row(table, [&](const auto& metric) { names.push_back(prefix + metric.name); });
  return names;
}

/// In their order.
std::vector<std::string> keys_of(const nlohmann::ordered_json& json) {
  std::vector<std::string> keys;
  for (const auto& item : json.items()) keys.push_back(item.key());
  return keys;
}

using MetricsTest = FolderTest;

TEST_F(MetricsTest, AreTheColumnsOfTheGroupsOfAFile) {
  write_run(path("run.h5"), sample_record());
  const h5::File file = h5::File::open(path("run.h5"));
  const h5::Group metrics = file.root().open("metrics");
  EXPECT_THAT(metrics.open("train").names(), ElementsAreArray(names_of(kTrainMetrics)));
  EXPECT_THAT(metrics.open("test").names(), ElementsAreArray(names_of(kTestMetrics)));
  EXPECT_THAT(metrics.open("iterations").names(), ElementsAreArray(names_of(kIterationMetrics)));
}

TEST_F(MetricsTest, StandInJournalsWithEpochAndIterationOnce) {
  append_journal(path("run.jsonl"), {{.epoch = 3, .iteration = 4}, TestPoint{.epoch = 3, .iteration = 4}});
  std::vector<std::string> wanted = names_of(kTrainMetrics);
  for (const std::string& name : names_of(kTestMetrics)) {
    if (name != "epoch" && name != "iteration") wanted.push_back("test_" + name);
  }
  wanted.emplace_back("time");
  EXPECT_EQ(keys_of(nlohmann::ordered_json::parse(read_bytes(path("run.jsonl")))), wanted);
}

TEST_F(MetricsTest, AreReadFromJournalsBitByBit) {
  JournalLine line;
  double next = 0.1;
  const auto fill = [&](auto& point, const auto& table) {
    for_each_row(table, [&](const auto& metric) {
      using T = std::remove_reference_t<decltype(point.*metric.member)>;
      if constexpr (std::is_same_v<T, double>) point.*metric.member = next *= 1.7;
    });
  };
  fill(line.train, kTrainMetrics);
  line.test.emplace();
  fill(*line.test, kTestMetrics);
  append_journal(path("run.jsonl"), line);
  const JournalLine read = read_journal(path("run.jsonl")).at(0);
  for_each_row(kTrainMetrics, [&](const auto& m) { EXPECT_EQ(read.train.*m.member, line.train.*m.member) << m.name; });
  for_each_row(kTestMetrics, [&](const auto& m) { EXPECT_EQ(read.test.value().*m.member, (*line.test).*m.member); });
}

TEST_F(MetricsTest, ThatHaveACurveAreInTheIndex) {
  write_run(path("run.h5"), sample_record());
  SweepFile index(path(""));
  EXPECT_THAT(index.update().problems, testing::IsEmpty());
  const h5::File file = h5::File::open(index.path());
  std::vector<std::string> curves;
  const auto add = [&](const auto& metric) {
    if (metric.curve != nullptr) curves.emplace_back(metric.curve);
  };
  for_each_row(kTrainMetrics, add);
  for_each_row(kTestMetrics, add);
  EXPECT_THAT(curves, testing::ElementsAre("train_loss", "test_loss", "test_accuracy"));
  EXPECT_THAT(file.root().open("metrics").names(), IsSupersetOf(curves));
}

}  // namespace
}  // namespace qrun::test
