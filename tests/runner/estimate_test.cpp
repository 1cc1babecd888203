// What a trial of a sweep trains.
#include "runner/estimate.h"

#include <cmath>

#include "plan/initial_state.h"
#include "plan/lower.h"
#include "runner/support.h"

namespace qrun {
namespace {

/// A program that notes the masters it is given.
class WatchedProgram : public Program {
 public:
  WatchedProgram(std::unique_ptr<Program> program, std::vector<std::vector<float>>& masters)
      : program_(std::move(program)), masters_(masters) {}

  TrainResult train(std::int64_t iterations, const std::atomic<bool>& stop) override {
    return program_->train(iterations, stop);
  }
  std::vector<TestResult> test(std::int64_t samples) override { return program_->test(samples); }
  TrainingState state(int run) override { return program_->state(run); }
  void restore(int run, const TrainingState& state) override {
    masters_.push_back(state.params.at(0).master);
    program_->restore(run, state);
  }
  QuantizedBlob codes(int run, ParamId param) override { return program_->codes(run, param); }
  void set_values(int run, ParamId param, std::span<const float> values) override {
    program_->set_values(run, param, values);
  }
  StepAccess& steps() override { return program_->steps(); }

 private:
  std::unique_ptr<Program> program_;
  std::vector<std::vector<float>>& masters_;
};

class WatchedEngine : public Engine {
 public:
  [[nodiscard]] EngineInfo info() const override { return engine_->info(); }
  std::unique_ptr<Program> load(const Plan& plan, std::vector<RunFeeds> feeds) override {
    return std::make_unique<WatchedProgram>(engine_->load(plan, std::move(feeds)), masters_);
  }
  [[nodiscard]] const std::vector<std::vector<float>>& masters() const { return masters_; }

 private:
  std::unique_ptr<Engine> engine_ = make_cpu_engine(2);
  std::vector<std::vector<float>> masters_;  // of the first layer, of each run that was given a state
};

using EstimateTest = TrainPack;

TEST_F(EstimateTest, TrainsWhatRunsStartWith) {
  std::vector<RunSpec> runs = {spec({"seed=1"}), spec({"seed=2"})};
  const std::atomic<bool> go_on{false};
  const RunRecord trained = train(runs[0], go_on);
  runs[1].train.init_from = outcome_.path;
  SweepPlan plan(runs, {.pack = 2}, "");
  WatchedEngine engine;
  EXPECT_GT(estimate(plan, engine).seconds, 0);
  const RunData data = open_data(runs[0].data);
  const Plan lowered = lower({runs[0]}, {data.shape, data.train->items()});
  EXPECT_THAT(engine.masters(),
              testing::ElementsAre(initial_state(lowered, 0).params.at(0).master, trained.weights.at(0).master));
}

TEST_F(EstimateTest, ARunThatGoesOnNeedsNoMoreWhatItBeganWith) {
  RunSpec run = spec({});
  const std::atomic<bool> go_on{false};
  static_cast<void>(train(run, go_on));
  run.train.init_from = folder_ + "/first.h5";
  fs::rename(outcome_.path, run.train.init_from);
  std::atomic<bool> stop{false};
  train({{run, {}}}, stop, [&stop](const RunSpec&) { return stop = true; });
  fs::remove(run.train.init_from);
  const std::vector<RunSpec> runs = {run};
  SweepPlan plan(runs, {}, folder_ + "/test");
  ASSERT_EQ(plan.runs()[0].standing.stage, Stage::kResume);
  WatchedEngine engine;
  EXPECT_GT(estimate(plan, engine).seconds, 0);
}

TEST_F(EstimateTest, ATrialThatDivergesEnds) {
  RunSpec run = spec({});
  run.network[0].init = {InitType::kConstant, INFINITY};
  const std::vector<RunSpec> runs = {run};
  SweepPlan plan(runs, {}, "");
  WatchedEngine engine;
  EXPECT_TRUE(std::isfinite(estimate(plan, engine).seconds));
}

}  // namespace
}  // namespace qrun
