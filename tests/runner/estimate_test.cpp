// What a trial of a sweep trains.
#include "runner/estimate.h"

#include <cmath>

#include "engine/initial_state.h"
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
  RunState state(int run) override { return program_->state(run); }
  void restore(int run, const RunState& state) override {
    masters_.push_back(state.params.at(0).master);
    program_->restore(run, state);
  }
  QuantizedBlob codes(int run, ParamId param) override { return program_->codes(run, param); }
  void set_values(int run, ParamId param, const std::vector<float>& values) override {
    program_->set_values(run, param, values);
  }
  void run_step(int run, std::size_t step, std::int64_t n) override { program_->run_step(run, step, n); }
  std::vector<float> read(int run, BufferId buffer, Tensor tensor, std::int64_t n) override {
    return program_->read(run, buffer, tensor, n);
  }
  void write(int run, BufferId buffer, Tensor tensor, std::int64_t n, const std::vector<float>& values) override {
    program_->write(run, buffer, tensor, n, values);
  }
  std::vector<float> read_param(int run, ParamId param, Tensor tensor) override {
    return program_->read_param(run, param, tensor);
  }
  void write_param(int run, ParamId param, Tensor tensor, const std::vector<float>& values) override {
    program_->write_param(run, param, tensor, values);
  }
  void write_labels(int run, const std::vector<std::int32_t>& labels) override { program_->write_labels(run, labels); }
  float read_loss(int run) override { return program_->read_loss(run); }

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
  EXPECT_THAT(engine.masters(), testing::ElementsAre(initial_values(lowered, 0, 0), trained.weights.at(0).master));
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
