// Sweeps: every run once, packs of what fits, failures apart, several runners on one folder.
#include "runner/sweep_training.h"

#include <fstream>
#include <mutex>
#include <set>
#include <thread>

#include "core/atomic_file.h"
#include "runner/support.h"
#include "store/h5.h"

namespace qrun {
namespace {

/// An engine that calls `before_training` whenever it gets a pack.
class HookedEngine : public Engine {
 public:
  HookedEngine(std::unique_ptr<Engine> engine, const std::function<void()>& before_training)
      : engine_(std::move(engine)), before_training_(before_training) {}
  [[nodiscard]] EngineInfo info() const override { return engine_->info(); }
  std::unique_ptr<Program> load(const Plan& plan, std::vector<RunFeeds> feeds) override {
    before_training_();
    return engine_->load(plan, std::move(feeds));
  }

 private:
  std::unique_ptr<Engine> engine_;
  const std::function<void()>& before_training_;
};

class SweepTest : public TrainPack {
 protected:
  static std::vector<RunSpec> runs_of(const std::vector<std::vector<std::string>>& points) {
    std::vector<RunSpec> runs;
    for (const std::vector<std::string>& overrides : points) runs.push_back(spec(overrides));
    return runs;
  }
  static std::vector<RunSpec> seeds(int n) {
    std::vector<RunSpec> runs;
    for (int seed = 1; seed <= n; ++seed) runs.push_back(spec({"seed=" + std::to_string(seed)}));
    return runs;
  }

  /// Trains the sweep into the folder; where each run stands then.
  std::vector<Standing> sweep(const std::vector<RunSpec>& runs, const SweepOptions& options = {}) {
    SweepPlan plan(runs, options, folder_ + "/test");
    return sweep(plan);
  }
  std::vector<Standing> sweep(SweepPlan& plan) {
    const ResultsFolder folder(folder_, "test");
    Progress progress(ProgressStyle::kSilent);
    const std::atomic<bool> stop{false};
    const SweepTools tools{[this](const EngineWish& wish) {
                             if (++engines_ == missing_engine_) throw EnvironmentError("no more engines");
                             if (!wish.instruction_set.empty()) before_another_engine_();
                             const std::lock_guard lock(mutex_);
                             devices_.insert(wish.device);
                             return std::make_unique<HookedEngine>(make_cpu_engine(wish.threads, wish.instruction_set),
                                                                   before_training_);
                           },
                           {},
                           progress,
                           stop,
                           [this] { ++packs_; }};
    SweepTraining training(plan, folder, tools);
    training.run();
    return training.standings();
  }
  /// A process of another machine claims the run, whoever has it.
  void usurp(const RunSpec& run) {
    std::ofstream(folder_ + "/test/.qrun/" + run.id() + ".claim")
        << claim_text({.host = "b", .place = "boot of b", .pid = 17, .started = 4711});
  }
  static std::vector<Stage> stages(const std::vector<Standing>& standings) {
    std::vector<Stage> result;
    for (const Standing& standing : standings) result.push_back(standing.stage);
    return result;
  }

  std::atomic<int> packs_ = 0, engines_ = 0;
  int missing_engine_ = 0;  // of those made, counted from 1
  std::function<void()> before_training_ = [] {};
  std::function<void()> before_another_engine_ = [] {};  // than new runs get
  std::mutex mutex_;
  std::set<int> devices_;  // that engines were made for
};

TEST_F(SweepTest, RunsEachOnceInPacksAndGivesWhatARunGivesAlone) {
  const std::vector<RunSpec> runs = seeds(5);
  const std::vector<Standing> ended = sweep(runs, {.threads = 2});
  EXPECT_THAT(stages(ended), testing::Each(Stage::kComplete));
  EXPECT_EQ(packs_, 3) << "two and two on two threads, then one";
  EXPECT_EQ(engines_, 1);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const RunRecord together = read_run(ended[i].path, ReadDepth::kAll);
    const std::atomic<bool> go_on{false};
    const RunRecord alone = train(runs[i], go_on);
    EXPECT_EQ(together.predictions, alone.predictions);
    EXPECT_EQ(together.weights[0].master, alone.weights[0].master);
  }
  EXPECT_FALSE(fs::exists(folder_ + "/test/.qrun/" + runs[0].id() + ".claim"));
}

TEST_F(SweepTest, PacksHoldRunsOfOneShapeOnly) {
  const std::vector<RunSpec> runs =
      runs_of({{"seed=1"}, {"network.conv1.out_channels=3"}, {"seed=2"}, {"train.epochs=2"}});
  const SweepPlan plan(runs, {.pack = 8}, folder_ + "/test");
  EXPECT_THAT(plan.packs({.pack = 2}),
              testing::ElementsAre(testing::ElementsAre(0, 2), testing::ElementsAre(1), testing::ElementsAre(3)));
  EXPECT_THAT(stages(sweep(runs, {.pack = 8})), testing::Each(Stage::kComplete));
}

TEST_F(SweepTest, CompleteRunsAreSkippedUnlessForced) {
  sweep(seeds(2));
  packs_ = 0;
  sweep(seeds(3), {.threads = 2});
  EXPECT_EQ(packs_, 1);
  sweep(seeds(3), {.threads = 2, .pack = 3, .force = true});
  EXPECT_EQ(packs_, 2);
}

TEST_F(SweepTest, ARunOfAnotherSweepNamesWhatThisOneSweeps) {
  std::vector<RunSpec> runs = seeds(1);
  sweep(runs);
  const std::string file = folder_ + "/test/" + runs[0].id() + ".h5";
  const std::string before = read_run(file, ReadDepth::kAll).run_id;
  runs.push_back(spec({"seed=2"}));
  for (RunSpec& run : runs) run.swept = {{"seed", std::to_string(run.seed)}, {"vars.note", "\"a b\""}};
  packs_ = 0;
  const std::vector<Standing> ended = sweep(runs);
  EXPECT_EQ(packs_, 1) << "the first is complete";
  EXPECT_EQ(ended[0].path, file);
  const RunRecord record = read_run(file, ReadDepth::kAll);
  EXPECT_EQ(record.run_id, before);
  EXPECT_THAT(record.swept, testing::ElementsAre(testing::Pair("seed", "1"), testing::Pair("vars.note", "a b")));
  const FileStamp stamp = stamp_of(file);
  sweep(runs);
  EXPECT_EQ(stamp_of(file), stamp) << "they are there already";
}

TEST_F(SweepTest, AFileThatMayBeSoundIsNotTrainedOver) {
  const std::vector<RunSpec> runs = seeds(2);
  const std::string file = sweep({runs[0]})[0].path;
  {
    h5::File newer = h5::File::copy(file);
    H5Adelete(newer.root().id(), "format_version");
    newer.root().attribute("format_version", std::int64_t{2});
    write_atomically(file, std::move(newer).image());
  }
  const FileStamp before = stamp_of(file);
  const std::vector<Standing> ended = sweep(runs);
  EXPECT_THAT(ended[0].left, testing::HasSubstr("update qrun"));
  EXPECT_EQ(stamp_of(file), before);
  EXPECT_EQ(ended[1].stage, Stage::kComplete) << "it costs that run only";
  fs::resize_file(file, fs::file_size(file) / 2);
  EXPECT_EQ(sweep(runs)[0].stage, Stage::kComplete) << "what is damaged is trained again";
}

TEST_F(SweepTest, AFailureStaysApartAndIsRetriedWhenAsked) {
  const std::vector<RunSpec> runs = runs_of({{"seed=1"}, {"solver.lr=1e30"}, {"seed=2"}});
  const auto wanted = testing::ElementsAre(Stage::kComplete, Stage::kFailed, Stage::kComplete);
  const std::vector<Standing> ended = sweep(runs, {.pack = 3});
  EXPECT_THAT(stages(ended), wanted);
  EXPECT_THAT(ended[1].error, testing::HasSubstr("diverged"));
  packs_ = 0;
  EXPECT_THAT(stages(sweep(runs)), wanted);
  EXPECT_EQ(packs_, 0) << "failed runs wait to be asked for";
  EXPECT_THAT(stages(sweep(runs, {.retry_failed = true})), wanted);
  EXPECT_EQ(packs_, 1);
  EXPECT_THAT(stages(sweep(runs, {.retries = 2, .retry_failed = true})), wanted);
  EXPECT_EQ(packs_, 4) << "once, and two more times";
}

TEST_F(SweepTest, FailFastLeavesTheRestForLater) {
  const std::vector<RunSpec> runs = runs_of({{"solver.lr=1e30"}, {"seed=1"}, {"seed=2"}});
  const std::vector<Standing> ended = sweep(runs, {.pack = 1, .fail_fast = true});
  EXPECT_THAT(stages(ended), testing::ElementsAre(Stage::kFailed, Stage::kNew, Stage::kNew));
}

TEST_F(SweepTest, SeveralRunnersShareTheWork) {
  const std::vector<RunSpec> runs = seeds(6);
  std::vector<std::vector<Standing>> ended(3);
  std::vector<std::thread> runners;
  for (std::vector<Standing>& result : ended)
    runners.emplace_back([&] { result = sweep(runs, {.threads = 1, .pack = 1}); });
  for (std::thread& runner : runners) runner.join();
  for (const std::vector<Standing>& result : ended) EXPECT_THAT(stages(result), testing::Each(Stage::kComplete));
  EXPECT_EQ(packs_, 6) << "each run in one pack of one runner";
}

TEST_F(SweepTest, WhatAnotherRunnerHasTrainedAgainSinceIsNotTrainedOnceMore) {
  const std::vector<RunSpec> runs = runs_of({{"seed=1"}, {"solver.lr=1e30"}});
  sweep(runs);
  for (const SweepOptions& options : {SweepOptions{.force = true}, SweepOptions{.retry_failed = true}}) {
    SweepPlan ours(runs, options, folder_ + "/test");
    sweep(runs, options);
    packs_ = 0;
    EXPECT_THAT(stages(sweep(ours)), testing::ElementsAre(Stage::kComplete, Stage::kFailed));
    EXPECT_EQ(packs_, 0);
  }
}

TEST_F(SweepTest, ARunThatAnotherTookOverIsNotOursToCallComplete) {
  const std::vector<RunSpec> runs = seeds(1);
  before_training_ = [&] { usurp(runs[0]); };
  EXPECT_THAT(stages(sweep(runs, {.wait = false})), testing::ElementsAre(Stage::kNew));
  EXPECT_FALSE(fs::exists(ResultsFolder(folder_, "test").run_file(runs[0])));
}

TEST_F(SweepTest, WhatAKillAtTheEndOfARunLeftGoesUnlessTheRunTrainsAgain) {
  const std::vector<RunSpec> runs = seeds(2);
  sweep(runs);
  const ResultsFolder folder(folder_, "test");
  for (const RunSpec& run : runs) {
    std::ofstream(folder.journal(run)) << "";
    std::ofstream(folder.checkpoint(run)) << "";
  }
  usurp(runs[1]);
  sweep(runs);
  EXPECT_THAT(folder.under_way(), testing::ElementsAre(runs[1].id()));
  EXPECT_TRUE(fs::exists(folder.checkpoint(runs[1])));
}

TEST_F(SweepTest, AnInterruptedRunGoesOnUnderTheNameOfALargerSweep) {
  const RunSpec alone = spec({});
  RunSpec swept = alone;
  swept.swept = {{"vars.w_bits", "2"}};
  ASSERT_NE(swept.id(), alone.id());
  const ResultsFolder folder(folder_, "test");
  std::atomic<bool> stop{false};
  train({{alone, {}}}, stop, [&stop](const RunSpec&) { return stop = true; });
  ASSERT_TRUE(fs::exists(folder.checkpoint(alone)));
  SweepPlan plan({swept}, {}, folder.path());
  EXPECT_EQ(plan.runs()[0].standing.stage, Stage::kResume);
  usurp(alone);
  ASSERT_TRUE(fs::exists(folder.run_file(alone)));
  const std::vector<Standing> elsewhere = sweep({swept}, {.wait = false});
  EXPECT_THAT(stages(elsewhere), testing::ElementsAre(Stage::kResume)) << "another trains it";
  EXPECT_EQ(elsewhere[0].path, "") << "an interrupted run's file is no result where another goes on with it";
  fs::remove(folder_ + "/test/.qrun/" + alone.id() + ".claim");
  before_training_ = [&] {
    std::vector<std::string> problems;
    EXPECT_TRUE(read_checkpoint(folder.checkpoint(swept), problems)) << "it goes on where it was";
    EXPECT_THAT(problems, testing::IsEmpty());
  };
  EXPECT_THAT(stages(sweep({swept})), testing::ElementsAre(Stage::kComplete));
  EXPECT_FALSE(fs::exists(folder.run_file(alone)));
  EXPECT_THAT(folder.under_way(), testing::IsEmpty());
}

TEST_F(SweepTest, PacksAreSpreadOverDevices) {
  EXPECT_THAT(stages(sweep(seeds(4), {.devices = {4, 2}, .threads = 2})), testing::Each(Stage::kComplete));
  EXPECT_THAT(devices_, testing::ElementsAre(2, 4));
  const SweepOptions options{.jobs = 5, .devices = {4, 2}};
  EXPECT_EQ(options.workers(), 5);
  EXPECT_EQ(options.device_of(0), 4);
  EXPECT_EQ(options.device_of(3), 2);
  EXPECT_EQ(SweepOptions{}.workers(), 1);
  EXPECT_EQ((SweepOptions{.devices = {0, 1}}.workers()), 2);
}

TEST_F(SweepTest, WorkersOfOneDeviceShareItsMemory) {
  const std::vector<RunSpec> runs = seeds(64);
  const auto largest = [&](const SweepOptions& options) {
    SweepPlan plan(runs, options, folder_ + "/test");
    const std::int64_t run = plan.group(plan.runs()[0]).bytes;
    return plan.pack_size(plan.runs()[0], {.pack = 64, .memory = 48 * run});
  };
  EXPECT_EQ(largest({}), 24U) << "half of the memory";
  EXPECT_EQ(largest({.devices = {0, 1}}), 24U);
  EXPECT_EQ(largest({.jobs = 4, .devices = {0, 1}}), 12U);
  EXPECT_EQ(largest({.jobs = 3}), 8U);
}

TEST_F(SweepTest, NoRunIsClaimedBeforeAllWorkersHaveTheirEngines) {
  missing_engine_ = 3;
  const std::vector<RunSpec> runs = seeds(4);
  EXPECT_THAT([&] { sweep(runs, {.jobs = 3, .threads = 3, .pack = 1}); },
              testing::ThrowsMessage<EnvironmentError>("no more engines"));
  EXPECT_EQ(packs_, 0);
  EXPECT_THAT(ResultsFolder(folder_, "test").under_way(), testing::IsEmpty());
  for (const RunSpec& run : runs) EXPECT_FALSE(fs::exists(ResultsFolder(folder_, "test").run_file(run)));
  missing_engine_ = 0;
  EXPECT_THAT(stages(sweep(runs, {.jobs = 3, .threads = 3, .pack = 1})), testing::Each(Stage::kComplete));
}

TEST_F(SweepTest, ARunThatGoesOnUsesTheEngineThatIsThere) {
  const std::vector<RunSpec> runs = seeds(2);
  std::atomic<bool> stop{false};
  train({{runs[0], {}}}, stop, [&stop](const RunSpec&) { return stop = true; });
  EXPECT_THAT(stages(sweep(runs)), testing::Each(Stage::kComplete));
  EXPECT_EQ(engines_, 1);
}

TEST_F(SweepTest, ARunThatIsLookedAtHoldsUpNoOther) {
  if (cpu_instruction_sets().size() == 1) GTEST_SKIP() << "every run goes on with the engine that is there";
  const std::vector<RunSpec> runs = seeds(2);
  std::atomic<bool> stop{false};
  const auto other = make_cpu_engine(1, cpu_instruction_sets().back());
  train(
      {{runs[0], {}}}, stop, [&stop](const RunSpec&) { return stop = true; }, *other);
  constexpr int kTries = 3000;
  before_another_engine_ = [this] {
    for (int i = 0; packs_ == 0 && i < kTries; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_EQ(packs_, 1) << "the other run ends meanwhile";
  };
  EXPECT_THAT(stages(sweep(runs, {.jobs = 2, .threads = 2, .pack = 1})), testing::Each(Stage::kComplete));
  EXPECT_EQ(packs_, 2);
}

TEST_F(SweepTest, NoEngineIsMadeWhereNothingIsToDo) {
  sweep(seeds(2));
  engines_ = 0;
  sweep(seeds(2), {.jobs = 2});
  EXPECT_EQ(engines_, 0);
}

TEST_F(SweepTest, JobsTrainPacksSideBySide) {
  EXPECT_THAT(stages(sweep(seeds(6), {.jobs = 3, .threads = 3, .pack = 1})), testing::Each(Stage::kComplete));
  EXPECT_EQ(packs_, 6);
  EXPECT_EQ(engines_, 3);
}

}  // namespace
}  // namespace qrun
