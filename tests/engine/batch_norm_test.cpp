// Batch norm against plain loops in double, and its running statistics.

#include "engine/small_net.h"

namespace qrun {
namespace {

constexpr double kEps = 1e-3;
/// A batch norm by itself, forward and backward.
struct NormPlan : StepPlan {
  Shape s;
  BufferId x = buffer(s), y = buffer(s);
  ParamId w, b;
  StatisticId mean, variance, count;

  NormPlan(const Shape& shape, std::int64_t batch, bool affine, bool frozen, double momentum = 0.25)
      : StepPlan(batch),
        s(shape),
        w(affine ? param({shape.c}, {}, BlobRole::kScale) : kNone),
        b(affine ? param({shape.c}, {}, BlobRole::kShift) : kNone),
        mean(statistic(BlobRole::kMean, shape.c, momentum)),
        variance(statistic(BlobRole::kVariance, shape.c, momentum)),
        count(statistic(BlobRole::kCount, 1, momentum)) {
    step(BatchNormMomentsOp{x, y, mean, variance, count, s, kEps, frozen});
    step(BatchNormOp{x, y, w, b, s});
    step(BatchNormBackwardWeightOp{x, y, w, b, s});
    step(BatchNormBackwardDataOp{x, x, y, w, s, frozen});
  }
};

/// Of a mean far from 0, so that sums of squares would lose the deviation.
Floats far_from_zero(std::int64_t n, std::uint64_t seed) {
  Floats x = normal(n, seed);
  for (float& v : x) v = 100.0F + 0.5F * v;
  return x;
}

/// dx of a batch's own statistics: sums of magnitudes take in those of the means.
ref::Sums gradient(const NormPlan& p, std::int64_t n, const Floats& x, const Floats& dy, const Floats& w,
                   const std::vector<ref::Channel>& channels) {
  const ref::NormSums sums = ref::batch_norm_sums(p.s, n, x, dy, channels);
  const auto values = static_cast<double>(n * p.s.h * p.s.w);
  ref::Sums dx(x.size());
  ref::for_channels(p.s, n, [&](std::size_t c, std::size_t i) {
    const double factor = (w.empty() ? 1.0 : static_cast<double>(w[c])) * channels[c].inverse();
    const auto own = static_cast<double>(dy[i]);
    const ref::Sum of = channels[c].normalized(x[i]);
    dx[i].value = factor * (own - (sums.dy[c].value + of.value * sums.dy_x[c].value) / values);
    dx[i].magnitude =
        std::fabs(factor) * (std::fabs(own) + (sums.dy[c].magnitude + of.magnitude * sums.dy_x[c].magnitude) / values);
  });
  return dx;
}

void expect_doubles(const std::vector<double>& got, const std::vector<double>& want, double relative) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], relative * std::fabs(want[i])) << i;
}

// Six roundings of what y is made of: of the mean, x - mean, the inverse, two products and a sum. In dx fifteen at most,
// four of them in the sums of its means; in dw five.
TEST_P(EngineTest, NormalizesByTheMomentsOfTheBatch) {
  for (const Shape& shape : {Shape{3, 5, 3}, Shape{7, 1, 1}, Shape{2, 40, 30}}) {
    for (const bool affine : {true, false}) {
      const std::int64_t n = 18;  // of 32: the rest of the last block of images must not count
      NormPlan p(shape, 32, affine, false);
      const auto program = load(p.plan);
      StepAccess& steps = program->steps();
      const Floats garbage(static_cast<std::size_t>(32 * shape.size()), 1000.0F);
      steps.write(0, Operand::value(p.x), 32, garbage);
      steps.write(0, Operand::gradient(p.y), 32, garbage);
      const Floats x = far_from_zero(n * shape.size(), 1);
      const Floats dy = normal(n * shape.size(), 2);
      const Floats w = affine ? normal(shape.c, 3) : Floats{};
      const Floats b = affine ? normal(shape.c, 4) : Floats{};
      steps.write(0, Operand::value(p.x), n, x);
      steps.write(0, Operand::gradient(p.y), n, dy);
      if (affine) steps.write(0, Operand::master(p.w), 0, w);
      if (affine) steps.write(0, Operand::master(p.b), 0, b);
      for (std::size_t step = 0; step < p.plan.steps.size(); ++step) steps.run_step(0, step, n);
      const std::vector<ref::Channel> channels = ref::channels(shape, n, x, kEps);
      expect_sums(steps.read(0, Operand::value(p.y), n), ref::batch_norm(shape, n, x, channels, w, b), 3, "y");
      expect_sums(steps.read(0, Operand::gradient(p.x), n), gradient(p, n, x, dy, w, channels), 7, "dx");
      const ref::NormSums sums = ref::batch_norm_sums(shape, n, x, dy, channels);
      if (affine) expect_sums(steps.read(0, Operand::param_gradient(p.w), 0), sums.dy_x, 2, "dw");
      if (affine) expect_sums(steps.read(0, Operand::param_gradient(p.b), 0), sums.dy, 2, "db");
    }
  }
}

TEST_P(EngineTest, ImagesThatPadABlockHaveNoGradientBehindABatchNorm) {
  NormPlan p({3, 2, 2}, 32, true, false);
  const auto program = load(p.plan);
  StepAccess& steps = program->steps();
  steps.write(0, Operand::value(p.x), 18, far_from_zero(18 * 12, 1));
  steps.write(0, Operand::gradient(p.y), 18, normal(18 * 12, 2));
  steps.write(0, Operand::master(p.w), 0, Floats{1, 2, 3});
  steps.write(0, Operand::master(p.b), 0, Floats{1, 2, 3});
  steps.write(0, Operand::gradient(p.x), 32, Floats(32 * 12, 0.0F));
  for (std::size_t step = 0; step < p.plan.steps.size(); ++step) steps.run_step(0, step, 18);
  const Floats dx = steps.read(0, Operand::gradient(p.x), 32);
  for (std::size_t i = 18 * 12; i < dx.size(); ++i) ASSERT_EQ(dx[i], 0.0F) << i;
}

TEST_P(EngineTest, RunningStatisticsAreWeightedMeansFromTheFirstBatchOn) {
  for (const double momentum : {0.25, 0.0, 1.0}) {
    const Shape shape{3, 4, 2};
    const std::int64_t n = 5;
    NormPlan p(shape, n, true, false, momentum);
    const auto program = load(p.plan);
    StepAccess& steps = program->steps();
    std::vector<double> means(3, 0.0);
    std::vector<double> variances(3, 0.0);
    double count = 0;
    for (std::uint64_t batch = 0; batch < 3; ++batch) {
      const Floats x = far_from_zero(n * shape.size(), batch);
      steps.write(0, Operand::value(p.x), n, x);
      steps.run_step(0, 0, n);
      count = (1 - momentum) * count + 1;
      const std::vector<ref::Channel> channels = ref::channels(shape, n, x, kEps);
      for (std::size_t c = 0; c < channels.size(); ++c) {
        means[c] = (1 - momentum) * means[c] + channels[c].mean;
        variances[c] = (1 - momentum) * variances[c] + channels[c].variance * 40.0 / 39.0;
      }
    }
    const TrainingState state = program->state(0);
    expect_doubles(state.statistics[0], means, 1e-12);
    expect_doubles(state.statistics[1], variances, 1e-9);  // 100^2 / 0.25 of the bits go where squares are summed
    EXPECT_EQ(state.statistics[2], std::vector<double>{count});
  }
}

TEST_P(EngineTest, FrozenStatisticsAreConstants) {
  const Shape shape{2, 3, 2};
  const std::int64_t n = 5;
  NormPlan p(shape, n, true, true);
  const auto program = load(p.plan);
  StepAccess& steps = program->steps();
  TrainingState state = program->state(0);
  state.statistics = {{6, -3}, {12, 0.75}, {3}};
  program->restore(0, state);
  const Floats x = normal(n * shape.size(), 1);
  const Floats dy = normal(n * shape.size(), 2);
  const Floats w = {2, -0.5F};
  const Floats b = {1, 3};
  steps.write(0, Operand::value(p.x), n, x);
  steps.write(0, Operand::gradient(p.y), n, dy);
  steps.write(0, Operand::master(p.w), 0, w);
  steps.write(0, Operand::master(p.b), 0, b);
  for (std::size_t step = 0; step < p.plan.steps.size(); ++step) steps.run_step(0, step, n);
  const std::vector<ref::Channel> channels = {{2, 4, kEps}, {-1, 0.25, kEps}};
  expect_sums(steps.read(0, Operand::value(p.y), n), ref::batch_norm(shape, n, x, channels, w, b), 3, "y");
  ref::Sums dx(x.size());
  ref::for_channels(shape, n, [&](std::size_t c, std::size_t i) {
    dx[i].add(static_cast<double>(w[c]) * channels[c].inverse() * static_cast<double>(dy[i]));
  });
  expect_sums(steps.read(0, Operand::gradient(p.x), n), dx, 2, "dx");
  const ref::NormSums sums = ref::batch_norm_sums(shape, n, x, dy, channels);
  expect_sums(steps.read(0, Operand::param_gradient(p.w), 0), sums.dy_x, 2, "dw");
  EXPECT_EQ(program->state(0).statistics, state.statistics) << "they stay";
}

/// small_net() with batch norms behind its layers, and a residual sum.
RunSpec norm_net(std::uint64_t seed, double momentum = 0.1) {
  RunSpec spec = small_net(seed, 2);
  const auto at = [&spec](std::ptrdiff_t i) { return spec.network.begin() + i; };
  spec.network.insert(at(1), layer("norm1", "conv1", BatchNorm2dLayer{.momentum = momentum}));
  spec.network[2].input = {"norm1"};
  spec.network.insert(at(4), {layer("conv2", "relu1", Conv2dLayer{.out_channels = 6, .kernel_size = 3, .padding = 1}),
                              layer("norm2", "conv2", BatchNorm2dLayer{.momentum = momentum, .bias = false}),
                              joining_layer("sum", {"relu1", "norm2"}, AddLayer{{1, 0.5}})});
  spec.network.back().input = {"sum"};
  return spec;
}

std::vector<Floats> masters(const TrainingState& state) {
  std::vector<Floats> all;
  for (const TrainingState::Param& param : state.params) all.push_back(param.master);
  return all;
}

void expect_equal(const TrainingState& got, const TrainingState& want) {
  EXPECT_EQ(masters(got), masters(want));
  EXPECT_EQ(got.statistics, want.statistics);
}

TEST_P(EngineTest, ANetworkOfBatchNormsHasTheSameBitsInAPackResumedAndOnAnyThreads) {
  const std::vector<RunSpec> specs = {norm_net(1), norm_net(2, 0.5)};
  Pack pack = start(specs, GetParam());
  pack.program->train(6, kGoOn);
  const std::vector<TestResult> tests = pack.program->test(0);
  for (int run = 0; run < 2; ++run) {
    EngineCase other = GetParam();
    other.threads += 2;
    Pack first = start({specs[static_cast<std::size_t>(run)]}, other);
    first.program->train(2, kGoOn);
    Pack second = start({specs[static_cast<std::size_t>(run)]}, GetParam());
    second.program->restore(0, first.program->state(0));
    second.program->train(4, kGoOn);
    expect_equal(second.program->state(0), pack.program->state(run));
    const TestResult test = second.program->test(0)[0];
    EXPECT_EQ(test.loss, tests[static_cast<std::size_t>(run)].loss);
    expect_equal(second.program->state(0), pack.program->state(run));
  }
}

TEST_P(EngineTest, ABatchNormThatIsNotFiniteIsWhereARunDiverges) {
  RunSpec spec = norm_net(1);
  spec.network[0].activation_quant = {};
  Pack pack = start({spec, norm_net(2)}, GetParam());
  TrainingState state = pack.program->state(0);
  state.params[1].master[0] = std::numeric_limits<float>::infinity();
  pack.program->restore(0, state);
  const TrainResult result = pack.program->train(2, kGoOn);
  ASSERT_TRUE(result.divergences[0].has_value());
  EXPECT_EQ(result.divergences[0]->layer, "norm1");
  EXPECT_EQ(result.divergences[0]->what, "mean");
  EXPECT_FALSE(result.divergences[1].has_value());
}

TEST_P(EngineTest, TestsABatchNormOnWhatItHasSeen) {
  Pack pack = start({norm_net(1)}, GetParam());
  const TestResult before = pack.program->test(0)[0];
  EXPECT_FALSE(before.divergence.has_value()) << "of no batch: mean 0, variance 1";
  pack.program->train(GetParam().engine == "emulated" ? 10 : 60, kGoOn);
  EXPECT_LT(pack.program->test(0)[0].loss, before.loss);
}

}  // namespace
}  // namespace qrun
