// What tells runs apart: only those that agree in all that defines them but the seed are replicates.
#include "store/columns.h"

#include "config/read.h"
#include "report/leaderboard.h"
#include "store/h5.h"
#include "store/network_hash.h"
#include "support.h"

namespace qrun::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr const char* kConfig = R"(
data:
  train: {synthetic_digits: 200, batch_size: 20}
  test: {synthetic_digits: 50, batch_size: 25}
network:
  - {name: conv1, type: conv2d, out_channels: 4, kernel_size: 5, quantize: {weight: {method: "${method}", bits: "${bits}"}}}
  - {name: score, type: linear, out_features: 10}
vars: {method: ulq, bits: 2}
solver: {type: sgd, lr: 0.05}
train: {epochs: 1}
)";

class ColumnsTest : public FolderTest {
 protected:
  /// The runs that a configuration with these overrides expands to, as their files name them.
  void add(const std::vector<std::string>& overrides, const std::string& engine = "cpu") {
    write_bytes(path("sample.yaml"), kConfig);
    for (const RunSpec& run : read_config(path("sample.yaml"), overrides).runs) {
      RunRecord record = sample_record();
      record.run_id = run.id();
      record.config = run.text();
      record.swept = run.swept;
      record.engine = engine;
      record.origin = {{"engine", engine}};
      records_.push_back(record);
    }
  }

  [[nodiscard]] std::vector<Values> columns() const {
    std::vector<RunValues> values;
    for (const RunRecord& record : records_) values.push_back(values_of(record));
    std::vector<const RunValues*> runs;
    for (const RunValues& run : values) runs.push_back(&run);
    return columns_of(runs);
  }

  [[nodiscard]] Leaderboard board() const {
    for (const RunRecord& record : records_) write_run(path(record.run_id + ".h5"), record);
    return collect_runs({path("")});
  }

  std::vector<RunRecord> records_;
};

std::vector<std::string> addresses(const Values& values) {
  std::vector<std::string> result;
  for (const auto& pair : values) result.push_back(pair.first);
  return result;
}

TEST_F(ColumnsTest, AreWhatWasSweptWhereNothingElseDiffers) {
  add({"vars.method=ulq,clip", "vars.bits=2,4", "seed=1,2"});
  const std::vector<Values> cells = columns();
  ASSERT_EQ(cells.size(), 8U);
  EXPECT_THAT(cells[0], ElementsAre(Pair("vars.method", "ulq"), Pair("vars.bits", "2"), Pair("seed", "1")));
  EXPECT_THAT(cells[7], ElementsAre(Pair("vars.method", "clip"), Pair("vars.bits", "4"), Pair("seed", "2")));
}

TEST_F(ColumnsTest, ArePassedOverWhereTheyRepeatWhatWasSwept) {
  add({"vars.method=ulq,none,Ternary_Quantize,clip", "network.score.quantize.weight={method: ulq, bits: 2},none"});
  for (const Values& cells : columns())
    EXPECT_THAT(addresses(cells), ElementsAre("vars.method", "network.score.quantize.weight"));
}

TEST_F(ColumnsTest, HaveEachValueInWhichTheConfigurationsDiffer) {
  add({"solver.lr=0.05,0.1", "seed=1,2"});
  add({"solver.lr=0.05,0.1", "seed=1,2", "train.epochs=30"});
  for (const Values& cells : columns()) EXPECT_THAT(addresses(cells), ElementsAre("solver.lr", "seed", "train.epochs"));
  EXPECT_EQ(columns()[7].back().second, "30");
}

TEST_F(ColumnsTest, HaveAValueThatHappensToGoWithTheSweptOne) {
  add({"vars.bits=2,4"});
  add({"vars.bits=8", "train.epochs=30", "train.test_every=5"});
  for (const Values& cells : columns())
    EXPECT_THAT(addresses(cells), ElementsAre("vars.bits", "train.epochs", "train.test_every"));
}

TEST_F(ColumnsTest, NameAnotherMethodOnceForAllOfItsKeys) {
  add({"seed=1,2"});
  add({"seed=1,2", "solver.type=adam"});
  const std::vector<Values> cells = columns();
  EXPECT_THAT(cells[0], ElementsAre(Pair("seed", "1"), Pair("solver.type", "sgd")));
  EXPECT_THAT(cells[2], ElementsAre(Pair("seed", "1"), Pair("solver.type", "adam")));
}

TEST_F(ColumnsTest, HaveOneHashWhereNotAllHaveTheSameLayers) {
  add({"seed=1,2"});
  add({"seed=1,2",
       "network=[{name: pool, type: max_pool2d, kernel_size: 2}, {name: score, type: linear, out_features: 10}]"});
  const std::vector<Values> cells = columns();
  for (const Values& run : cells) EXPECT_THAT(addresses(run), ElementsAre("seed", "network"));
  EXPECT_EQ(cells[0][1], cells[1][1]) << "whatever the seed";
  EXPECT_NE(cells[0][1].second, cells[2][1].second);
  EXPECT_EQ(cells[0][1].second.size(), 8U);
}

TEST(NetworkHash, IsACheckSumOfLinesThatOtherProgramsWriteAlike) {
  // made with Python's zlib from "network.a.type: relu\nnetwork.a.range: 1.0000000000000001e-05\n"
  const SharedValues config = {{"seed", "1"}, {"network.a.type", "\"relu\""}, {"network.a.range", "1e-05"}};
  EXPECT_EQ(network_hash(config), "b4cc6b0b");
  EXPECT_EQ(network_hash({{"network.a.type", "relu"}, {"network.a.range", "1.0e-05"}, {"solver.lr", "3"}}), "b4cc6b0b");
  EXPECT_NE(network_hash({{"network.a.type", "relu"}, {"network.a.range", "1.0e-06"}}), "b4cc6b0b");
}

TEST_F(ColumnsTest, FillInWhatASmallerSweepDidNotSweep) {
  add({"seed=1,2"});
  add({"vars.bits=2,4", "solver.lr=0.05,0.1", "seed=3,4"});
  const std::vector<Values> cells = columns();
  EXPECT_THAT(cells[0],
              testing::UnorderedElementsAre(Pair("seed", "1"), Pair("vars.bits", "2"), Pair("solver.lr", "0.05")));
  EXPECT_THAT(addresses(cells[5]), testing::UnorderedElementsAre("seed", "vars.bits", "solver.lr"));
}

TEST_F(ColumnsTest, KnowTheVariableOfARunThatDidNotSweepIt) {
  add({"sweep={union: [{grid: {data.train.data_seed: [3, 2]}}, {grid: {vars.bits: [4, 1]}}]}"});
  const std::vector<Values> cells = columns();
  EXPECT_THAT(cells[0], ElementsAre(Pair("data.train.data_seed", "3"), Pair("vars.bits", "2")));
  EXPECT_THAT(cells[2], ElementsAre(Pair("data.train.data_seed", "1"), Pair("vars.bits", "4")));
}

TEST_F(ColumnsTest, TellEnginesAndDataApart) {
  add({"seed=1,2"});
  add({"seed=3"}, "cuda");
  records_[0].origin.emplace_back("data.train.hash", "aa");
  records_[1].origin.emplace_back("data.train.hash", "bb");
  const std::vector<Values> cells = columns();
  EXPECT_THAT(addresses(cells[0]), ElementsAre("seed", "engine", "data.train.hash"));
  EXPECT_THAT(addresses(cells[2]), ElementsAre("seed", "engine")) << "its file does not name its data";
  records_[1].origin.pop_back();
  records_.pop_back();
  EXPECT_THAT(addresses(columns()[0]), ElementsAre("seed")) << "what is not known differs from nothing";
}

TEST_F(ColumnsTest, KeepAConfigurationThatCannotBeReadApart) {
  add({"seed=1,2"});
  records_[1].config += "later: 1\n";
  const std::vector<Values> cells = columns();
  EXPECT_THAT(addresses(cells[0]), ElementsAre("seed"));
  EXPECT_THAT(addresses(cells[1]), ElementsAre("seed", "config"));
}

TEST_F(ColumnsTest, OfOneRunAreNone) {
  add({});
  EXPECT_THAT(columns(), ElementsAre(IsEmpty()));
}

TEST_F(ColumnsTest, KeepRunsThatDifferApartInLeaderboards) {
  add({"solver.lr=0.05,0.1", "seed=1,2"});
  add({"solver.lr=0.05,0.1", "seed=1,2", "train.epochs=30", "vars.bits=8"});
  const std::vector<LeaderboardGroup> groups = group_by_seed(board());
  ASSERT_EQ(groups.size(), 4U);
  for (const LeaderboardGroup& group : groups) EXPECT_EQ(group.runs, 2);
  const std::string table = to_table(board());
  EXPECT_THAT(table, testing::StartsWith("lr    bits  epochs  runs")) << table;
  EXPECT_THAT(to_csv(board()),
              testing::HasSubstr("path,solver.lr,seed,network.conv1.quantize.weight.bits,train.epochs\n"));
  EXPECT_THAT(to_json(board()), testing::HasSubstr("\"train.epochs\": 30"));
}

}  // namespace
}  // namespace qrun::test
