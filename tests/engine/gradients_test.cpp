// What becomes of gradients before an update: their mean over batches, and the limit of their norm.
#include <cmath>

#include "engine/check_engine.h"
#include "engine/small_net.h"

namespace qrun {
namespace {

constexpr std::int64_t kBatches = 3;

/// Blobs of more than a piece and of less; the last one does not learn.
struct ThreeBlobs : StepPlan {
  explicit ThreeBlobs(double limit) : StepPlan(1) {
    for (const std::int64_t n : {20001, 7, 40}) param({n});
    plan.runs[0].params[2].lr_mult = 0;
    plan.runs[0].solver.clip_gradients = limit;
    plan.accumulate = kBatches;
  }
  [[nodiscard]] Floats gradient(ParamId p) const {
    return normal(plan.params[ref::at(p)].size(), static_cast<std::uint64_t>(p) + 1);
  }
};

double norm_of_learning(const ThreeBlobs& blobs) {
  double squares = 0;
  for (const ParamId p : {0, 1}) {
    for (const float g : blobs.gradient(p)) squares += static_cast<double>(g) * static_cast<double>(g);
  }
  return std::sqrt(squares);
}

TEST_P(EngineTest, ClipsGradientsByTheNormOfAllThatLearn) {
  const double norm = norm_of_learning(ThreeBlobs(0));
  for (const double limit : {0.0, norm / 3, norm * 1.001}) {
    ThreeBlobs blobs(limit);
    blobs.step(ClipGradientsOp{3});
    const auto program = load(blobs.plan);
    for (ParamId p = 0; p < 3; ++p) program->steps().write(0, Operand::param_gradient(p), 1, blobs.gradient(p));
    program->steps().run_step(0, 0, 1);
    const double factor = limit > 0 && limit < norm ? limit / norm : 1;
    for (ParamId p = 0; p < 3; ++p) {
      const Floats before = blobs.gradient(p);
      const Floats got = program->steps().read(0, Operand::param_gradient(p), 1);
      for (std::size_t i = 0; i < got.size(); ++i) {
        const double want = static_cast<double>(before[i]) * (p == 2 ? 1 : factor);
        ASSERT_NEAR(static_cast<double>(got[i]), want, 0x1p-23 * std::fabs(want)) << limit << " blob " << p;
      }
    }
  }
}

TEST_P(EngineTest, TakesTheMeanOfTheGradientsOfBatches) {
  ThreeBlobs blobs(0);
  blobs.step(AccumulateGradientOp{0});
  blobs.step(MeanGradientOp{0, kBatches});
  const auto program = load(blobs.plan);
  StepAccess& steps = program->steps();
  Floats sum(ref::at(blobs.plan.params[0].size()));
  for (std::uint64_t batch = 0; batch < kBatches; ++batch) {
    const Floats gradient = normal(std::ssize(sum), 10 + batch);
    steps.write(0, Operand::param_gradient(0), 1, gradient);
    steps.run_step(0, 0, 1);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += gradient[i];
  }
  steps.run_step(0, 1, 1);
  const Floats mean = steps.read(0, Operand::param_gradient(0), 1);
  for (std::size_t i = 0; i < sum.size(); ++i) ASSERT_EQ(mean[i], sum[i] / 3.0F) << i;
  EXPECT_EQ(steps.read(0, Operand::gradient_sum(0), 1), Floats(sum.size(), 0.0F)) << "for the next iteration";
}

RunSpec plain(std::int64_t accumulate) {
  RunSpec spec = small_net(1, 0);
  spec.solver.momentum = 0;
  spec.train.accumulate = accumulate;
  return spec;
}

/// Weights behind one iteration that begins at iteration `at`, and its loss.
std::pair<TrainingState, float> behind_one(const RunSpec& spec, std::int64_t at, const EngineCase& on) {
  const Pack pack = start({spec}, on);
  TrainingState state = initial_state(pack.plan, 0);
  state.iteration = at;
  pack.program->restore(0, state);
  const TrainResult result = pack.program->train(1, kGoOn);
  return {pack.program->state(0), result.losses.at(0).at(0)};
}

/// A step of sgd is linear in the gradient: that of the mean is the mean of the steps.
TEST_P(EngineTest, AnIterationOfSeveralBatchesMovesByTheMeanOfTheirSteps) {
  const auto [moved, loss] = behind_one(plain(kBatches), 0, GetParam());
  const TrainingState begin = initial_state(start({plain(1)}, GetParam()).plan, 0);
  std::vector<TrainingState> alone;
  double losses = 0;
  for (std::int64_t batch = 0; batch < kBatches; ++batch) {
    auto [state, its_loss] = behind_one(plain(1), batch, GetParam());
    alone.push_back(std::move(state));
    losses += static_cast<double>(its_loss) / static_cast<double>(kBatches);
  }
  EXPECT_NEAR(static_cast<double>(loss), losses, 0x1p-22 * losses);
  EXPECT_EQ(moved.iteration, 1);
  for (std::size_t p = 0; p < begin.params.size(); ++p) {
    for (std::size_t i = 0; i < begin.params[p].master.size(); ++i) {
      double want = 0;
      double largest = std::fabs(static_cast<double>(begin.params[p].master[i]));
      for (const TrainingState& state : alone) {
        const auto w = static_cast<double>(state.params[p].master[i]);
        want += w / static_cast<double>(kBatches);
        largest = std::max(largest, std::fabs(w));
      }
      // Each weight is rounded once, its step of a rounded sum by another rounded product twice.
      ASSERT_NEAR(static_cast<double>(moved.params[p].master[i]), want, 6 * 0x1p-24 * largest) << p << " at " << i;
    }
  }
}

/// A network with a dropout, whose masks differ from batch to batch of an iteration.
RunSpec small_net_of_several_batches() {
  RunSpec spec = small_net(5, 2);
  spec.network.insert(spec.network.begin() + 3, layer("drop", "relu1", DropoutLayer{}));
  spec.network[4].input = {"drop"};
  spec.train.accumulate = kBatches;
  spec.solver.clip_gradients = 0.5;
  spec.loss.label_smoothing = 0.1;
  return spec;
}

TEST_P(EngineTest, AccumulatesFromWhereItWasRestored) {
  const RunSpec spec = small_net_of_several_batches();
  const Pack whole = start({spec}, GetParam());
  const Floats losses = whole.program->train(6, kGoOn).losses.at(0);
  const Pack cut = start({spec}, GetParam());
  Floats pieces = cut.program->train(2, kGoOn).losses.at(0);
  const TrainingState state = cut.program->state(0);
  const Pack resumed = start({spec}, GetParam());
  resumed.program->restore(0, state);
  const Floats rest = resumed.program->train(4, kGoOn).losses.at(0);
  pieces.insert(pieces.end(), rest.begin(), rest.end());
  EXPECT_EQ(pieces, losses);
  EXPECT_EQ(resumed.program->state(0).params[0].master, whole.program->state(0).params[0].master);
}

TEST(Gradients, EnginesAgreeOnIterationsOfSeveralBatches) {
  const RunSpec spec = small_net_of_several_batches();
  const Pack pack = start({spec}, make_check_engine(make_cpu_engine(1), make_engine({"emulated", "", 1})));
  EXPECT_EQ(pack.program->train(3, kGoOn).iterations, 3);
  const Pack alone = start({spec}, make_cpu_engine(1));
  EXPECT_EQ(pack.program->state(0).params[0].master,
            (alone.program->train(3, kGoOn), alone.program->state(0).params[0].master));
}

}  // namespace
}  // namespace qrun
