// Whole programs: threads, packs, states and divergence, on a small network and generated images.
#include <atomic>

#include "engine/small_net.h"

namespace qrun {
namespace {

/// The emulated device takes a hundred times as long as a CPU: a few iterations say as much.
std::int64_t iterations(std::int64_t n, const EngineCase& on) { return on.engine == "emulated" ? (n + 4) / 5 : n; }

std::vector<Floats> masters(Program& program, int run) {
  std::vector<Floats> result;
  for (const TrainingState::Param& param : program.state(run).params) result.push_back(param.master);
  return result;
}

TEST_P(EngineTest, LearnsWhatIsInTheImages) {
  Pack pack = start({small_net(1, 2)}, GetParam());
  const double before = pack.program->test(0)[0].accuracy;
  pack.program->train(100, kGoOn);
  EXPECT_LT(before, 0.6);
  EXPECT_GT(pack.program->test(0)[0].accuracy, 0.9);
}

TEST_P(EngineTest, GivesTheSameBitsEveryTimeForAnyNumberOfThreads) {
  Pack one = start({small_net(1, 2)}, GetParam());
  const std::int64_t n = iterations(30, GetParam());
  const TrainResult losses = one.program->train(n, kGoOn);
  const std::vector<int> others = GetParam().engine == "cpu" ? std::vector{2, 3, 5} : std::vector{1};
  for (const int threads : others) {
    EngineCase other = GetParam();
    other.threads = threads;
    Pack many = start({small_net(1, 2)}, other);
    EXPECT_EQ(many.program->train(n, kGoOn).losses, losses.losses) << threads;
    EXPECT_EQ(masters(*many.program, 0), masters(*one.program, 0)) << threads;
  }
}

TEST_P(EngineTest, ARunInAPackGetsWhatItGetsAlone) {
  std::vector<RunSpec> specs = {small_net(1, 2), small_net(2, 0), small_net(3, 4)};
  specs[1].solver = {.type = SolverType::kAdam, .lr = 0.003};
  specs[2].solver.lr = 0.02;
  Pack pack = start(specs, GetParam());
  const std::int64_t n = iterations(40, GetParam());
  const TrainResult together = pack.program->train(n, kGoOn);
  const std::vector<TestResult> tests = pack.program->test(5);
  for (int run = 0; run < 3; ++run) {
    Pack alone = start({specs[static_cast<std::size_t>(run)]}, GetParam());
    EXPECT_EQ(alone.program->train(n, kGoOn).losses[0], together.losses[static_cast<std::size_t>(run)]);
    EXPECT_EQ(masters(*alone.program, 0), masters(*pack.program, run));
    const TestResult test = alone.program->test(5)[0];
    EXPECT_EQ(test.predictions, tests[static_cast<std::size_t>(run)].predictions);
    EXPECT_EQ(test.loss, tests[static_cast<std::size_t>(run)].loss);
  }
}

TEST_P(EngineTest, IterationsAsAWholeGiveTheBitsOfTheirSteps) {
  RunSpec moments = small_net(3, 2);
  moments.network[0].activation_quant = {.method = AllQuantizers::find("ulq"), .bits = 4};
  const std::vector<RunSpec> specs = {small_net(1, 2), small_net(2, 0), moments};
  Pack whole = start(specs, GetParam());
  whole.program->train(2, kGoOn);
  Pack apart = start(specs, GetParam());
  for (std::int64_t iteration = 0; iteration < 2; ++iteration) {
    StripeFeed feed(1000);
    const Batch batch = feed.fetch(iteration * 20, 20);
    for (int run = 0; run < 3; ++run) {
      apart.program->steps().write(run, Operand::value(apart.plan.images), 20,
                                   Floats(batch.images, batch.images + 2000));
      apart.program->steps().write(run, Operand::labels(), 20, Floats(batch.labels, batch.labels + 20));
      for (std::size_t step = 0; step < apart.plan.steps.size(); ++step) apart.program->steps().run_step(run, step, 20);
      TrainingState state = apart.program->state(run);
      state.iteration = iteration + 1;
      apart.program->restore(run, state);
    }
  }
  for (int run = 0; run < 3; ++run) {
    EXPECT_EQ(masters(*whole.program, run), masters(*apart.program, run)) << run;
    EXPECT_EQ(whole.program->state(run).statistics, apart.program->state(run).statistics) << run;
  }
}

TEST_P(EngineTest, ARestoredStateGoesOnToTheSameBits) {
  for (const SolverType type : {SolverType::kSgd, SolverType::kNesterov, SolverType::kAdam, SolverType::kAdagrad,
                                SolverType::kRmsprop, SolverType::kAdadelta}) {
    RunSpec spec = small_net(4, 3);
    spec.solver = {.type = type, .lr = 0.01, .momentum = 0.5, .epsilon = 1e-6};
    const std::int64_t n = iterations(12, GetParam());
    Pack whole = start({spec}, GetParam());
    whole.program->train(iterations(8, GetParam()) + n, kGoOn);
    Pack first = start({spec}, GetParam());
    first.program->train(iterations(8, GetParam()), kGoOn);
    Pack second = start({spec}, GetParam());
    second.program->restore(0, first.program->state(0));
    second.program->train(n, kGoOn);
    EXPECT_EQ(masters(*second.program, 0), masters(*whole.program, 0)) << static_cast<int>(type);
    EXPECT_EQ(second.program->state(0).statistics, whole.program->state(0).statistics);
  }
}

TEST_P(EngineTest, ADivergedRunIsMaskedAndTheOthersGoOn) {
  std::vector<RunSpec> specs = {small_net(1, 2), small_net(2, 2)};
  specs[0].solver.lr = 1e30;
  Pack pack = start(specs, GetParam());
  const TrainResult result = pack.program->train(20, kGoOn);
  ASSERT_TRUE(result.divergences[0].has_value());
  EXPECT_LT(result.divergences[0]->iteration, 5);
  EXPECT_FALSE(result.divergences[0]->layer.empty());
  EXPECT_FALSE(result.divergences[1].has_value());
  EXPECT_EQ(result.losses[1].size(), 20U);
  Pack alone = start({specs[1]}, GetParam());
  alone.program->train(20, kGoOn);
  EXPECT_EQ(masters(*alone.program, 0), masters(*pack.program, 1));
}

TEST_P(EngineTest, ATestThatDivergesSaysSo) {
  Pack pack = start({small_net(1, 2), small_net(2, 2)}, GetParam());
  ASSERT_FALSE(pack.program->train(1, kGoOn).divergences[0].has_value());
  TrainingState state = pack.program->state(0);
  state.params[0].master[0] = std::numeric_limits<float>::quiet_NaN();
  pack.program->restore(0, state);
  const std::vector<TestResult> results = pack.program->test(0);
  ASSERT_TRUE(results[0].divergence.has_value());
  EXPECT_EQ(results[0].divergence->iteration, 1);
  EXPECT_FALSE(results[1].divergence.has_value());
}

TEST_P(EngineTest, AStopEndsAfterTheIteration) {
  Pack pack = start({small_net(1, 2)}, GetParam());
  const std::atomic<bool> stopped{true};
  EXPECT_EQ(pack.program->train(10, stopped).iterations, 0);
}

TEST_P(EngineTest, StoredCodesPredictWhatWasTested) {
  Pack pack = start({small_net(5, 2)}, GetParam());
  pack.program->train(iterations(40, GetParam()), kGoOn);
  const TestResult want = pack.program->test(0)[0];
  Pack fresh = start({small_net(99, 2)}, GetParam());
  TrainingState state = fresh.program->state(0);
  state.statistics = pack.program->state(0).statistics;
  fresh.program->restore(0, state);
  for (std::size_t p = 0; p < pack.plan.params.size(); ++p) {
    const auto id = static_cast<ParamId>(p);
    Floats values = pack.program->state(0).params[p].master;
    if (pack.plan.runs[0].params[p].quant.method != kNoQuantizer) {
      const QuantizedBlob blob = pack.program->codes(0, id);
      const std::size_t slice = values.size() / blob.params.size();
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = decode(blob.codes[i], blob.params[i / slice]);
    }
    fresh.program->set_values(0, id, values);
  }
  const TestResult got = fresh.program->test(0)[0];
  EXPECT_EQ(got.predictions, want.predictions);
  EXPECT_EQ(got.loss, want.loss);
}

TEST_P(EngineTest, KeepsCodesOfTheFirstImages) {
  Pack pack = start({small_net(5, 2)}, GetParam());
  pack.program->train(5, kGoOn);
  const TestResult result = pack.program->test(40)[0];
  ASSERT_EQ(result.activations.size(), 1U);
  EXPECT_EQ(result.activations[0].codes.size(), 40U * 600U) << "40 images of 6 x 10 x 10, over two batches";
  EXPECT_EQ(result.activations[0].params.size(), 40U);
  const auto [lowest, highest] = std::ranges::minmax(result.activations[0].codes);
  EXPECT_GE(lowest, -127);
  EXPECT_LE(highest, 127);
  EXPECT_GT(highest - lowest, 127) << "the range of training fits the test images";
}

}  // namespace
}  // namespace qrun
