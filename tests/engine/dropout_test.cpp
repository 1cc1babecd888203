// Dropout: which values go, in training and in tests.
#include "math/dropout.h"

#include "engine/small_net.h"

namespace qrun {
namespace {

struct DropPlan : StepPlan {
  BufferId x, y;
  DropPlan(const Shape& shape, std::int64_t batch, double p) : StepPlan(batch), x(buffer(shape)), y(buffer(shape)) {
    plan.dropouts = 1;
    plan.runs[0].dropouts = {p};
    plan.runs[0].seed = 42;
    step(DropoutOp{x, y, 0});
    step(DropoutBackwardOp{x, y, 0});
  }
};

TEST_P(EngineTest, DropsWhatSeedBatchAndPositionSay) {
  const Shape shape{3, 5, 7};
  const std::int64_t n = 18;
  for (const double p : {0.0, 0.3, 0.5, 0.99}) {
    for (const std::int64_t batch : {0, 1, 1000000}) {
      DropPlan plan(shape, n, p);
      const auto program = load(plan.plan);
      TrainingState state = program->state(0);
      state.iteration = batch;
      program->restore(0, state);
      StepAccess& steps = program->steps();
      const Floats x = normal(n * shape.size(), 1);
      const Floats dy = normal(n * shape.size(), 2);
      steps.write(0, Operand::value(plan.x), n, x);
      steps.write(0, Operand::gradient(plan.y), n, dy);
      steps.run_step(0, 0, n);
      steps.run_step(0, 1, n);
      const Floats y = steps.read(0, Operand::value(plan.y), n);
      const Floats dx = steps.read(0, Operand::gradient(plan.x), n);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const bool is_dropped =
            random_uniform(42, stream::of_dropout(0), static_cast<std::uint64_t>(batch) * x.size() + i) < p;
        const auto scale = static_cast<float>(1.0 / (1.0 - p));
        ASSERT_EQ(y[i], is_dropped ? 0.0F : x[i] * scale) << p << " at " << i;
        ASSERT_EQ(dx[i], is_dropped ? 0.0F : dy[i] * scale) << p << " at " << i;
      }
    }
  }
}

/// small_net() with dropouts.
RunSpec drop_net(std::uint64_t seed, double p) {
  RunSpec spec = small_net(seed, 2);
  spec.network.insert(spec.network.begin() + 1, layer("drop1", "conv1", DropoutLayer{p}));
  spec.network.insert(spec.network.begin() + 4, layer("drop2", "relu1", DropoutLayer{p / 2}));
  spec.network[2].input = {"drop1"};
  spec.network[5].input = {"drop2"};
  return spec;
}

TEST_P(EngineTest, DropsTheSameInAPackResumedAndOnAnyThreads) {
  const std::vector<RunSpec> specs = {drop_net(1, 0.5), drop_net(1, 0.2)};
  const Pack pack = start(specs, GetParam());
  const TrainResult together = pack.program->train(5, kGoOn);
  EXPECT_NE(together.losses[0], together.losses[1]) << "each run has its own p";
  for (std::size_t run = 0; run < 2; ++run) {
    EngineCase other = GetParam();
    other.threads += 2;
    const Pack first = start({specs[run]}, other);
    first.program->train(2, kGoOn);
    const Pack second = start({specs[run]}, GetParam());
    second.program->restore(0, first.program->state(0));
    const Floats rest = second.program->train(3, kGoOn).losses[0];
    EXPECT_EQ(rest, Floats(together.losses[run].begin() + 2, together.losses[run].end()));
  }
}

TEST_P(EngineTest, DropsNothingInATest) {
  const Pack with = start({drop_net(1, 0.9)}, GetParam());
  const Pack without = start({drop_net(1, 0)}, GetParam());
  EXPECT_EQ(with.program->test(0)[0].loss, without.program->test(0)[0].loss);
}

}  // namespace
}  // namespace qrun
