#include "plan/builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/fuse.h"
#include "plan/initial_state.h"
#include "plan/operands.h"

namespace qrun {
namespace {

constexpr Shape kShape{4, 1, 1};

/// A chain of relus behind a buffer with a gradient: each reads what `inputs` says, buffer 0 being the first.
Plan relus(const std::vector<BufferId>& inputs) {
  Builder b(Plan{});
  b.add_buffer("x", kShape, true);
  for (const BufferId x : inputs) {
    const BufferId y = b.add_buffer("relu", kShape, true);
    b.forward(ReluOp{x, y});
    b.backward(ReluBackwardOp{x, y});
  }
  return std::move(b).finish({});
}

std::vector<std::string> backward_names(const Plan& plan) {
  std::vector<std::string> names;
  for (const Step& step : plan.steps) {
    if (step.phase == Phase::kBackward) names.emplace_back(info_of(step.op).name);
  }
  return names;
}

TEST(Builder, AGradientOfOneReaderIsItsOwn) {
  const Plan plan = relus({0, 1, 2});
  EXPECT_EQ(plan.buffers.size(), 4U);
  EXPECT_THAT(backward_names(plan), testing::Each("relu_backward"));
}

TEST(Builder, AGradientOfSeveralReadersIsTheSumOfTheirPartsInOrder) {
  const Plan plan = relus({0, 0, 2, 0});  // buffers 1, 2 and 4 are made from buffer 0
  EXPECT_THAT(backward_names(plan), testing::ElementsAre("relu_backward", "relu_backward", "relu_backward",
                                                         "relu_backward", "sum_gradients"));
  const auto& sum = std::get<SumGradientsOp>(plan.steps.back().op);
  EXPECT_EQ(sum.dx, 0);
  EXPECT_THAT(sum.parts, testing::ElementsAre(5, 6, 7));
  for (const BufferId part : sum.parts) {
    const BufferInfo& buffer = plan.buffers[static_cast<std::size_t>(part)];
    EXPECT_TRUE(buffer.has_gradient && !buffer.has_value);
    EXPECT_EQ(buffer.shape, kShape);
  }
  std::vector<std::pair<BufferId, BufferId>> parts;  // the reader's output, the part that it hands back
  for (const Step& step : plan.steps) {
    if (const auto* op = std::get_if<ReluBackwardOp>(&step.op)) parts.emplace_back(op->y, op->dx);
  }
  using testing::Pair;
  EXPECT_THAT(parts, testing::ElementsAre(Pair(4, 7), Pair(3, 2), Pair(2, 6), Pair(1, 5)));
}

TEST(Builder, EveryGradientIsWrittenOnce) {
  const Plan plan = relus({0, 0, 1, 1, 0, 3});
  for (std::size_t id = 0; id < plan.buffers.size(); ++id) {
    const auto writers = std::ranges::count_if(
        plan.steps, [id](const Step& step) { return writes(step.op, Operand::gradient(static_cast<BufferId>(id))); });
    EXPECT_LE(writers, 1) << id;
  }
}

TEST(Fuse, LeavesAQuantizedBufferThatAnotherOpReadsBesideThePooling) {
  Builder b(Plan{});
  const BufferId x = b.add_buffer("x", {4, 2, 2}, true);
  const BufferId quantized = b.add_buffer("x", {4, 2, 2}, true);
  const SlotId slot = b.add_activation("x", x);
  b.forward(QuantizeOp{x, quantized, slot});
  b.backward(QuantizeBackwardOp{x, quantized, slot, x});
  const BufferId pooled = b.add_buffer("pool", {4, 1, 1}, true);
  const PoolShape s{.c = 4, .h = 2, .w = 2, .k = 2, .stride = 2};
  b.forward(MaxPool2dOp{quantized, pooled, s});
  b.backward(MaxPool2dBackwardOp{quantized, pooled, s});
  const BufferId relued = b.add_buffer("relu", {4, 2, 2}, true);
  b.forward(ReluOp{quantized, relued});
  b.backward(ReluBackwardOp{quantized, relued});
  const Plan plan = fuse_quantize_pool(std::move(b).finish({}));
  EXPECT_THAT(backward_names(plan),
              testing::ElementsAre("relu_backward", "max_pool2d_backward", "sum_gradients", "quantize_backward"));
  EXPECT_STREQ(info_of(plan.steps.front().op).name, "quantize");
}

/// A plan of these blobs, for one run of seed 5 that draws all of them.
Plan plan_of(std::vector<Blob> params) {
  Plan plan;
  plan.params = std::move(params);
  plan.runs.resize(1);
  plan.runs[0].seed = 5;
  for (const Blob& param : plan.params)
    plan.runs[0].params.push_back(
        {.init = param.role == BlobRole::kRange ? InitSpec{InitType::kConstant, 3} : InitSpec{InitType::kHe, 0}});
  return plan;
}

TEST(InitialState, BlobsOfOtherRolesChangeNoWeight) {
  const Blob weight{.layer = "a", .role = BlobRole::kWeight, .dims = {3, 4}, .fan_in = 4};
  const Blob bias{.layer = "a", .role = BlobRole::kBias, .dims = {3}, .fan_in = 4};
  const Blob other{.layer = "a", .role = BlobRole::kRange, .dims = {3}};
  const TrainingState alone = initial_state(plan_of({weight, bias, weight}), 0);
  const TrainingState among = initial_state(plan_of({other, weight, other, bias, weight}), 0);
  EXPECT_EQ(among.params[1].master, alone.params[0].master);
  EXPECT_EQ(among.params[3].master, alone.params[1].master);
  EXPECT_EQ(among.params[4].master, alone.params[2].master);
  EXPECT_THAT(among.params[2].master, testing::Each(3.0F));
}

TEST(InitialState, StartsStatisticsAsTheirRoleSays) {
  Plan plan = plan_of({});
  plan.statistics = {{.layer = "a", .place = Place::kActivation, .role = BlobRole::kRange, .dims = {1}}};
  EXPECT_THAT(initial_state(plan, 0).statistics, testing::ElementsAre(testing::ElementsAre(-1.0)));
}

}  // namespace
}  // namespace qrun
