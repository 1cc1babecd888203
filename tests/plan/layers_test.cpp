// What layers beside those of LeNet are lowered to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/costs.h"
#include "plan/initial_state.h"
#include "plan/memory.h"
#include "quant/all.h"
#include "support.h"

namespace qrun {
namespace {

TEST(Fuse, AMatrixProductReadsWhatAFlattenWouldCopy) {
  RunSpec spec = lenet();
  spec.network.insert(spec.network.begin() + 4, layer("flat", "pool2", FlattenLayer{}));
  spec.network[5].input = {"flat"};
  const Plan plan = lower({spec}, kMnist);
  const Plan without = lower({lenet()}, kMnist);
  EXPECT_EQ(count<ConcatOp>(plan) + count<ConcatBackwardOp>(plan), 0);
  EXPECT_EQ(plan.steps.size(), without.steps.size());
  for (std::size_t i = 0; i < plan.steps.size(); ++i) EXPECT_EQ(plan.steps[i].op.index(), without.steps[i].op.index());
  EXPECT_EQ(memory_of(plan), memory_of(without));
  spec.network[4].activation_quant = {.method = AllQuantizers::find("clip"), .bits = 8};
  EXPECT_EQ(count<ConcatOp>(lower({spec}, kMnist)), 1) << "a quantizer reads it";
}

TEST(Lower, AddsTheChannelsOfAConcatenationUp) {
  RunSpec spec = lenet();
  spec.network = {conv("conv1", "data", 4, 3, 1),
                  conv("conv2", "data", 6, 5, 2),
                  joining_layer("all", {"conv1", "data", "conv2"}, ConcatLayer{}),
                  conv("conv3", "all", 2, 3),
                  layer("flat", "conv3", FlattenLayer{}),
                  linear("score", "flat", 10)};
  spec.network[0].activation_quant = {.method = AllQuantizers::find("clip"), .bits = 4};
  spec.network[1].activation_quant = {.method = AllQuantizers::find("clip"), .bits = 8};
  const Plan plan = lower({spec}, kMnist);
  EXPECT_EQ(count<ConcatOp>(plan), 1);
  EXPECT_EQ(count<ConcatBackwardOp>(plan), 2) << "images have no gradient";
  std::vector<LayerCost> costs = network_costs(spec, kMnist.shape);
  EXPECT_EQ(costs[2].out, (Shape{11, 28, 28}));
  EXPECT_EQ(costs[2].parameters + costs[2].macs + costs[4].parameters + costs[4].macs, 0);
  EXPECT_EQ(costs[3].bit_operations, costs[3].macs * 32 * 32) << "images are among its channels";
  EXPECT_EQ(costs[4].out, (Shape{2 * 26 * 26, 1, 1}));
  spec.network[2].input = {"conv1", "conv2"};
  costs = network_costs(spec, kMnist.shape);
  EXPECT_EQ(costs[3].bit_operations, costs[3].macs * 32 * 8) << "as many as the widest has";
  spec.network[1] = conv("conv2", "data", 6, 5);
  EXPECT_EQ(refusal(spec),
            "net.yaml:7:3: network.all: conv1 gives 4x28x28 and conv2 6x24x24; all inputs need one height and one "
            "width");
}

TEST(Lower, ScaledChannelsHaveBlobsThatStartWhereTheirTypesSay) {
  RunSpec spec = lenet();
  spec.network.insert(spec.network.begin() + 1,
                      {layer("scale", "conv1", ScaleLayer{}), layer("prelu", "scale", PreluLayer{}),
                       layer("shared", "prelu", PreluLayer{.shared = true})});
  spec.network[4].input = {"shared"};
  const Plan plan = lower({spec}, kMnist);
  const TrainingState start = initial_state(plan, 0);
  std::vector<std::string> blobs;
  for (std::size_t p = 2; p < 6; ++p) {
    blobs.push_back(to_string(plan.params[p].address()));
    EXPECT_EQ(plan.runs[0].params[p].decay_mult, 1);
  }
  EXPECT_THAT(blobs, testing::ElementsAre("scale/weight", "scale/bias", "prelu/weight", "shared/weight"));
  EXPECT_EQ(start.params[2].master, std::vector<float>(20, 1.0F));
  EXPECT_EQ(start.params[3].master, std::vector<float>(20, 0.0F));
  EXPECT_EQ(start.params[4].master, std::vector<float>(20, 0.25F));
  EXPECT_EQ(start.params[5].master, std::vector<float>(1, 0.25F));
  EXPECT_EQ(start.params[6].master, initial_state(lower({lenet()}, kMnist), 0).params[2].master)
      << "they take no random numbers";
  const std::vector<LayerCost> costs = network_costs(spec, kMnist.shape);
  EXPECT_EQ(costs[1].parameters, 40);
  EXPECT_EQ(costs[2].parameters, 20);
  EXPECT_EQ(costs[3].parameters, 1);
  EXPECT_EQ(costs[1].macs + costs[2].macs + costs[3].macs, 0);
}

TEST(Lower, ANormalizationWithinAChannelCountsPixels) {
  RunSpec spec = lenet();
  spec.network.insert(spec.network.begin() + 1,
                      {layer("across", "conv1", LrnLayer{.size = 5, .alpha = 10, .k = 2}),
                       layer("within", "across", LrnLayer{.size = 5, .alpha = 50, .region = LrnRegion::kWithin})});
  spec.network[3].input = {"within"};
  std::vector<Lrn> got;
  for (const Step& step : lower({spec}, kMnist).steps) {
    if (const auto* op = std::get_if<LrnOp>(&step.op)) got.push_back(op->lrn);
  }
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0].factor, 2);
  EXPECT_EQ(got[0].k, 2);
  EXPECT_EQ(got[1].factor, 2);
  EXPECT_EQ(got[1].k, 1) << "Caffe's constant";
  EXPECT_EQ(network_costs(spec, kMnist.shape)[2].parameters, 0);
}

TEST(Lower, LeavesTheLastSoftmaxToTheLoss) {
  RunSpec spec = lenet();
  spec.network.push_back(layer("prob", "score", SoftmaxLayer{}));
  const std::string want =
      "net.yaml:7:3: network.prob: the loss takes the softmax itself, of the scores; remove this layer";
  EXPECT_EQ(refusal(spec), want);
  spec.network.push_back(layer("flat", "prob", FlattenLayer{}));
  EXPECT_EQ(refusal(spec), want);
  spec.network.push_back(linear("again", "flat", 10));
  EXPECT_EQ(refusal(spec), "accepted");
}

}  // namespace
}  // namespace qrun
