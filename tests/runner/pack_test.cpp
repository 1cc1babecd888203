// The training loop around an engine: what is noted when, what is kept, and what a failure leaves.
#include "runner/pack.h"

#include "core/atomic_file.h"
#include "runner/evaluate.h"
#include "runner/standing.h"
#include "runner/support.h"
#include "store/h5.h"

namespace qrun {
namespace {

TEST_F(TrainPack, NotesAnEpochAndATestAfterEach) {
  const RunRecord r = train(std::vector<std::string>{});
  EXPECT_EQ(r.status, RunStatus::kComplete);
  EXPECT_EQ(r.qrun_version, "1.2.3");
  EXPECT_THAT(column(r.train, &TrainPoint::epoch), testing::ElementsAre(0, 1, 2));
  EXPECT_THAT(column(r.train, &TrainPoint::iteration), testing::ElementsAre(10, 20, 30));
  EXPECT_THAT(column(r.test, &TestPoint::iteration), testing::ElementsAre(10, 20, 30));
  EXPECT_EQ(r.labels.size(), 90U);
  EXPECT_EQ(r.final_test_accuracy, r.test.back().accuracy);
  EXPECT_TRUE(r.iterations.empty());
}

TEST_F(TrainPack, TestsAndLogsWhereAskedAndAtTheEnd) {
  const RunRecord r = train({"train.test_every=7", "train.log_every=15"});
  EXPECT_THAT(column(r.test, &TestPoint::iteration), testing::ElementsAre(7, 14, 21, 28, 30));
  EXPECT_THAT(column(r.test, &TestPoint::epoch), testing::ElementsAre(0, 1, 2, 2, 2));
  EXPECT_THAT(column(r.iterations, &IterationPoint::iteration), testing::ElementsAre(15, 30));
}

TEST_F(TrainPack, TestsBeforeTheFirstIterationWhereAsked) {
  const RunRecord r = train({"train.test_first=true"});
  EXPECT_THAT(column(r.test, &TestPoint::iteration), testing::ElementsAre(0, 10, 20, 30));
  EXPECT_THAT(column(r.test, &TestPoint::epoch), testing::ElementsAre(0, 0, 1, 2));
  EXPECT_EQ(column(r.train, &TrainPoint::loss), column(train(std::vector<std::string>{}).train, &TrainPoint::loss));
}

TEST_F(TrainPack, KeepsNoWeightsOfTheTestBeforeTheFirstIteration) {
  train(std::vector<std::string>{});
  std::vector<std::string> unlearns{"train.init_from=" + outcome_.path, "solver.weight_decay=50", "train.keep=best"};
  const RunRecord without = train(unlearns);
  unlearns.emplace_back("train.test_first=true");
  const RunRecord with = train(unlearns);
  EXPECT_EQ(with.run_id, without.run_id) << "it only reports";
  EXPECT_EQ(with.best_test_accuracy, without.best_test_accuracy);
  EXPECT_EQ(with.predictions, without.predictions);
  EXPECT_GT(with.test[0].accuracy, with.best_test_accuracy);
}

TEST_F(TrainPack, ReportsAccuraciesByTopK) {
  const RunRecord r = train({"metrics.top_k=[10,1,3]"});
  ASSERT_EQ(r.top.size(), 2U);
  EXPECT_EQ(r.top[0].k, 3);
  ASSERT_EQ(r.top[0].tests.size(), r.test.size());
  for (std::size_t i = 0; i < r.test.size(); ++i) EXPECT_GE(r.top[0].tests[i], r.test[i].accuracy);
  EXPECT_EQ(r.top[0].final_test, r.top[0].tests.back());
  EXPECT_THAT(r.top[1].tests, testing::Each(1.0)) << "no item has more than ten classes";
  const auto engine = make_cpu_engine(1);
  EXPECT_THAT(evaluate(outcome_.path, *engine).top,
              testing::ElementsAre(std::pair(3, r.top[0].final_test), std::pair(10, 1.0)));
  EXPECT_EQ(train(std::vector<std::string>{}).predictions, r.predictions) << "it only reports";
}

TEST_F(TrainPack, AnIterationTakesAsManyBatchesAsAskedFor) {
  const RunRecord r = train({"train.accumulate=3", "train.iterations_per_epoch=null"});
  EXPECT_THAT(column(r.train, &TrainPoint::iteration), testing::ElementsAre(3, 6, 9)) << "200 items of 60";
}

TEST_F(TrainPack, LossesDontDependOnWhereTheLoopIsCut) {
  const RunRecord whole = train(std::vector<std::string>{});
  const RunRecord cut = train({"train.test_every=3", "train.log_every=1"});
  EXPECT_EQ(column(whole.train, &TrainPoint::loss_mean), column(cut.train, &TrainPoint::loss_mean));
  EXPECT_EQ(whole.predictions, cut.predictions);
}

TEST_F(TrainPack, KeepsTheBestTestedWeights) {
  const RunRecord r = train({"train.keep=best", "train.test_every=2", "solver.lr=0.05"});
  EXPECT_EQ(r.final_test_accuracy, r.best_test_accuracy);
  EXPECT_EQ(r.best_test_accuracy, std::ranges::max(column(r.test, &TestPoint::accuracy)));
  const auto best = std::ranges::find(r.test, r.best_test_accuracy, &TestPoint::accuracy);
  EXPECT_EQ(r.final_test_loss, best->loss) << "that of the same weights";
  const auto engine = make_cpu_engine(1);
  EXPECT_EQ(evaluate(outcome_.path, *engine).differing, 0) << "the stored codes are those of the best test";
}

TEST_F(TrainPack, CodesAreEnoughToEvaluate) {
  const RunRecord r =
      train({"train.epochs=1", "quantize={\"*\": {weight: {method: ulq, bits: 2}, bias: {method: clip, bits: 8}}}"});
  {
    h5::File file = h5::File::copy(outcome_.path);
    const h5::Group weights = file.root().open("weights");
    for (const StoredBlob& blob : r.weights) {
      ASSERT_FALSE(blob.quantized.codes.empty());
      H5Ldelete(weights.open(blob.address.layer).open(blob.address.name).id(), "master", H5P_DEFAULT);
    }
    write_atomically(outcome_.path, std::move(file).image());
  }
  const auto engine = make_cpu_engine(1);
  EXPECT_EQ(evaluate(outcome_.path, *engine).differing, 0);
  const std::atomic<bool> stop{true};
  EXPECT_THROW(train(spec({"train.init_from=" + outcome_.path}), stop), ConfigError)
      << "masters are what it starts from";
}

TEST_F(TrainPack, KeepsASnapshotACheckpoint) {
  const RunSpec run = spec({"train.keep=all", "train.checkpoint_every=2"});
  const std::atomic<bool> go_on{false};
  train(run, go_on);
  const ResultsFolder folder(folder_, "test");
  EXPECT_TRUE(fs::exists(folder.snapshot(run, 1)));
  EXPECT_FALSE(fs::exists(folder.snapshot(run, 0)));
  EXPECT_EQ(read_run(folder.snapshot(run, 1), ReadDepth::kAll).train.size(), 2U);
}

TEST_F(TrainPack, ADivergedRunIsMarkedWithItsReason) {
  const RunRecord r = train({"solver.lr=1e30"});
  EXPECT_EQ(r.status, RunStatus::kFailed);
  EXPECT_THAT(r.error, testing::StartsWith("diverged at iteration "));
  EXPECT_THAT(r.error, testing::HasSubstr(" of layer "));
  EXPECT_TRUE(r.weights.empty());
}

TEST_F(TrainPack, ARunThatDivergesInATestFails) {
  const RunRecord r = train({"solver.lr=1e30", "train.iterations_per_epoch=1", "train.epochs=1"});
  EXPECT_EQ(r.status, RunStatus::kFailed);
  EXPECT_THAT(r.error, testing::StartsWith("diverged at iteration 1: "));
  EXPECT_TRUE(r.test.empty());
  EXPECT_TRUE(std::isnan(r.best_test_accuracy) && std::isnan(r.final_test_accuracy) && std::isnan(r.final_test_loss));
}

TEST_F(TrainPack, OnlyACompleteRunHasAFinalTest) {
  const RunRecord r = train({"train.test_every=1", "solver.lr=1e5", "solver.momentum=0.5"});
  ASSERT_EQ(r.status, RunStatus::kFailed);
  ASSERT_FALSE(r.test.empty());
  EXPECT_FALSE(std::isnan(r.best_test_accuracy));
  EXPECT_TRUE(std::isnan(r.final_test_accuracy) && std::isnan(r.final_test_loss));
}

TEST_F(TrainPack, AStoppedRunIsInterruptedAndKeepsItsWeights) {
  const std::atomic<bool> stop{true};
  const RunRecord r = train(spec({}), stop);
  EXPECT_EQ(r.status, RunStatus::kInterrupted);
  EXPECT_FALSE(r.weights.empty());
  EXPECT_TRUE(r.predictions.empty());
}

TEST_F(TrainPack, StartsFromTheMastersOfAnotherRun) {
  const RunRecord first = train(std::vector<std::string>{});
  const std::string source = outcome_.path;
  const std::atomic<bool> stop{true};
  const RunRecord second = train(spec({"train.init_from=" + source}), stop);
  ASSERT_EQ(second.weights.size(), first.weights.size());
  for (std::size_t i = 0; i < first.weights.size(); ++i) EXPECT_EQ(second.weights[i].master, first.weights[i].master);
  const RunSpec other = spec({"train.init_from=" + source, "network.conv1.out_channels=3"});
  EXPECT_THROW(train(other, stop), ConfigError);
}

TEST_F(TrainPack, RunningStatisticsAreKeptTestedAndStartedFrom) {
  const std::string norm = "network.relu1.type=batch_norm2d";
  const RunRecord first = train({norm});
  ASSERT_EQ(first.statistics.size(), 1U);
  EXPECT_EQ(first.statistics[0].layer, "relu1");
  EXPECT_EQ(first.statistics[0].mean.size(), 64U);
  EXPECT_GT(first.statistics[0].count, 9) << "1 + 0.9 + 0.9^2 + ... of 30 batches";
  const auto engine = make_cpu_engine(1);
  EXPECT_EQ(evaluate(outcome_.path, *engine).differing, 0);
  const std::string source = outcome_.path;
  const std::atomic<bool> stop{true};
  const RunRecord second = train(spec({norm, "train.init_from=" + source}), stop);
  EXPECT_EQ(second.statistics.at(0).mean, first.statistics[0].mean);
  EXPECT_EQ(second.statistics.at(0).variance, first.statistics[0].variance);
  EXPECT_EQ(second.statistics.at(0).count, first.statistics[0].count);
  const RunRecord frozen = train({norm, "network.relu1.frozen=true", "train.init_from=" + source, "train.epochs=1"});
  EXPECT_EQ(frozen.statistics.at(0).mean, first.statistics[0].mean);
  EXPECT_NE(frozen.weights.front().master, first.weights.front().master) << "weights learn";
  EXPECT_EQ(evaluate(outcome_.path, *engine).differing, 0);
}

TEST_F(TrainPack, StatisticsThatAFileLacksStartAnewUnlessTheyAreFrozen) {
  const std::string norm = "network.relu1.type=batch_norm2d";
  train({norm, "train.epochs=1"});
  const std::string source = outcome_.path;
  {
    h5::File file = h5::File::copy(source);
    H5Ldelete(file.root().id(), "statistics", H5P_DEFAULT);
    write_atomically(source, std::move(file).image());
  }
  const std::atomic<bool> stop{true};
  const RunRecord anew = train(spec({norm, "train.init_from=" + source}), stop);
  EXPECT_EQ(anew.statistics.at(0).count, 0);
  EXPECT_EQ(anew.statistics.at(0).mean, std::vector<float>(64, 0.0F));
  EXPECT_EQ(anew.statistics.at(0).variance, std::vector<float>(64, 1.0F));
  const RunSpec frozen = spec({norm, "network.relu1.frozen=true", "train.init_from=" + source});
  EXPECT_THAT([&] { train(frozen, stop); },
              testing::ThrowsMessage<ConfigError>(testing::HasSubstr(
                  "holds no running statistics of layer relu1, which is frozen; choose a run of the same network")));
}

TEST_F(TrainPack, WantsAnOutputForEveryLabel) {
  const RunSpec run = spec({"network.score.out_features=9"});
  EXPECT_THAT([&] { check_labels(run, open_data(run.data), 9); },
              testing::ThrowsMessage<ConfigError>(
                  testing::HasSubstr("network.score: 9 outputs, but the data has label 9; at least 10")));
}

TEST_F(TrainPack, TrainsSeveralRunsEachIntoItsFile) {
  const std::vector<RunSpec> runs = {spec({"seed=1"}), spec({"seed=2", "quantize.fc1.weight.bits=4"}),
                                     spec({"seed=3", "solver.lr=1e30"})};
  const std::atomic<bool> go_on{false};
  const std::vector<RunOutcome> outcomes = train({{runs[0], {}}, {runs[1], {}}, {runs[2], {}}}, go_on);
  ASSERT_EQ(outcomes.size(), 3U);
  EXPECT_EQ(outcomes[2].status, RunStatus::kFailed) << "and the others went on";
  for (std::size_t i = 0; i < 2; ++i) {
    const RunRecord together = read_run(outcomes[i].path, ReadDepth::kAll);
    const RunRecord alone = train(runs[i], go_on);
    EXPECT_EQ(together.predictions, alone.predictions);
    EXPECT_EQ(column(together.train, &TrainPoint::loss), column(alone.train, &TrainPoint::loss));
    EXPECT_EQ(together.weights[0].quantized.codes, alone.weights[0].quantized.codes);
  }
}

TEST_F(FolderTest, FindsRunsByTheirHashBesideFilesOfOthers) {
  const RunSpec run = read_config(std::string(QRUN_SOURCE_DIR) + "/configs/smoke.yaml", {}).runs.at(0);
  const ResultsFolder ours(folder_, "mine");
  std::FILE* file = std::fopen((ours.path() + "/w_bits=2-" + run.hash() + ".h5").c_str(), "w");
  std::fclose(file);
  EXPECT_EQ(known_as(known_runs(ours.path()), run.id()), "w_bits=2-" + run.hash());
  for (const std::string name : {"/thesis.doc", "/thesis.doc.tmp.12.3", "/thesis.h5"}) {
    file = std::fopen((ours.path() + name).c_str(), "w");
    std::fclose(file);
    EXPECT_NO_THROW(ResultsFolder(folder_, "mine"));
    EXPECT_TRUE(std::filesystem::exists(ours.path() + name)) << name;
  }
  file = std::fopen((ours.path() + "/" + run.id() + ".h5").c_str(), "w");
  std::fclose(file);
  EXPECT_EQ(known_as(known_runs(ours.path()), run.id()), run.id()) << "its own name before that of a copy";
}

}  // namespace
}  // namespace qrun
