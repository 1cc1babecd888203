// Channels times a weight each against plain loops.
#include "engine/small_net.h"
#include "reference/channel_ops.h"

namespace qrun {
namespace {

struct ScalePlan : StepPlan {
  Shape s;
  BufferId x = buffer(s), y = buffer(s);
  ParamId w, b;

  ScalePlan(const Shape& shape, std::int64_t batch, Scaled scaled, bool has_bias)
      : StepPlan(batch),
        s(shape),
        w(param({shape.c}, {}, BlobRole::kScale)),
        b(has_bias ? param({shape.c}, {}, BlobRole::kShift) : kNone) {
    step(ChannelScaleOp{x, y, w, b, s, scaled});
    step(ChannelScaleBackwardWeightOp{x, y, w, b, s, scaled});
    step(ChannelScaleBackwardDataOp{x, x, y, w, s, scaled});
  }
};

// A product and a sum round once each; what sums over the batch is in double, and rounds at its end.
TEST_P(EngineTest, ScalesEachChannelByItsWeight) {
  for (const Shape& shape : {Shape{3, 5, 3}, Shape{7, 1, 1}, Shape{1, 40, 30}}) {
    for (const Scaled scaled : {Scaled::kAll, Scaled::kNegative}) {
      for (const bool has_bias : {false, scaled == Scaled::kAll}) {  // no prelu has a bias
        const std::int64_t n = 18;  // of 32: the rest of the last block of images must not count
        const ScalePlan p(shape, 32, scaled, has_bias);
        const auto program = load(p.plan);
        StepAccess& steps = program->steps();
        const Floats garbage(static_cast<std::size_t>(32 * shape.size()), 1000.0F);
        steps.write(0, Operand::value(p.x), 32, garbage);
        steps.write(0, Operand::gradient(p.y), 32, garbage);
        Floats x = normal(n * shape.size(), 1);
        x[0] = 0.0F;
        const Floats dy = normal(n * shape.size(), 2);
        const Floats w = normal(shape.c, 3);
        const Floats b = has_bias ? normal(shape.c, 4) : Floats{};
        steps.write(0, Operand::value(p.x), n, x);
        steps.write(0, Operand::gradient(p.y), n, dy);
        steps.write(0, Operand::master(p.w), 0, w);
        if (has_bias) steps.write(0, Operand::master(p.b), 0, b);
        for (std::size_t step = 0; step < p.plan.steps.size(); ++step) steps.run_step(0, step, n);
        const auto want = ref::channel_scale_gradients(shape, n, scaled, x, w, dy);
        expect_sums(steps.read(0, Operand::value(p.y), n), ref::channel_scale(shape, n, scaled, x, w, b), 2, "y");
        expect_sums(steps.read(0, Operand::gradient(p.x), n), want.dx, 1, "dx");
        expect_sums(steps.read(0, Operand::param_gradient(p.w), 0), want.dw, 1, "dw");
        if (has_bias) expect_sums(steps.read(0, Operand::param_gradient(p.b), 0), want.db, 1, "db");
      }
    }
  }
}

/// small_net() with scaled channels, a prelu of each kind, and a softmax in the middle.
RunSpec scaled_net(std::uint64_t seed) {
  RunSpec spec = small_net(seed, 2);
  spec.network.insert(
      spec.network.begin() + 2,
      {layer("scale", "pool1", ScaleLayer{}), layer("prelu1", "scale", PreluLayer{}),
       layer("prelu2", "prelu1", PreluLayer{.shared = true}), layer("softmax", "prelu2", SoftmaxLayer{})});
  spec.network[6].input = {"softmax"};
  spec.network[2].weight_quant = {.method = AllQuantizers::find("clip"), .bits = 8};
  return spec;
}

TEST_P(EngineTest, ANetworkOfScaledChannelsHasTheSameBitsInAPackResumedAndOnAnyThreads) {
  const std::vector<RunSpec> specs = {scaled_net(1), scaled_net(2)};
  Pack pack = start(specs, GetParam());
  const TrainResult together = pack.program->train(5, kGoOn);
  for (std::size_t run = 0; run < 2; ++run) {
    EngineCase other = GetParam();
    other.threads += 2;
    Pack first = start({specs[run]}, other);
    first.program->train(2, kGoOn);
    Pack second = start({specs[run]}, GetParam());
    second.program->restore(0, first.program->state(0));
    const Floats rest = second.program->train(3, kGoOn).losses[0];
    EXPECT_EQ(rest, Floats(together.losses[run].begin() + 2, together.losses[run].end()));
    const TrainingState got = second.program->state(0);
    const TrainingState want = pack.program->state(static_cast<int>(run));
    for (std::size_t p = 0; p < want.params.size(); ++p) EXPECT_EQ(got.params[p].master, want.params[p].master) << p;
  }
}

}  // namespace
}  // namespace qrun
