#include "plan/lower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "plan/costs.h"
#include "plan/epoch.h"
#include "plan/fuse.h"
#include "plan/initial_state.h"
#include "plan/memory.h"
#include "plan/operands.h"
#include "plan/pack_key.h"
#include "quant/all.h"
#include "support.h"

namespace qrun {
namespace {

TEST(Lower, GivesLeNetItsShapes) {
  const Plan plan = lower({lenet()}, kMnist);
  std::vector<std::string> shapes;
  for (const BufferInfo& buffer : plan.buffers) shapes.push_back(buffer.layer + " " + to_string(buffer.shape));
  EXPECT_THAT(shapes, testing::ElementsAre("data 1x28x28", "conv1 20x24x24", "pool1 20x12x12", "conv2 50x8x8",
                                           "pool2 50x4x4", "fc1 500x1x1", "relu1 500x1x1", "score 10x1x1"));
  EXPECT_EQ(plan.classes, 10);
  EXPECT_EQ(plan.params.size(), 8U);
  EXPECT_EQ(plan.params[4].dims, (std::vector<std::int64_t>{500, 800}));
}

TEST(Lower, NeedsNoGradientOfTheImages) {
  const Plan plan = lower({lenet()}, kMnist);
  EXPECT_EQ(count<Conv2dOp>(plan), 2);
  EXPECT_EQ(count<Conv2dBackwardDataOp>(plan), 1);
  EXPECT_EQ(count<Conv2dBackwardWeightOp>(plan), 2);
  EXPECT_FALSE(plan.buffers[static_cast<std::size_t>(plan.images)].has_gradient);
}

TEST(Lower, RunsBackwardStepsInReverse) {
  const Plan plan = lower({lenet()}, kMnist);
  BufferId last = plan.logits + 1;
  for (const Step& step : plan.steps) {
    if (step.phase != Phase::kBackward) continue;
    for (const Operand& read : operands_of(step.op).reads) {
      if (read.kind != OperandKind::kGradient) continue;
      EXPECT_LE(read.id, last);
      last = read.id;
    }
  }
  EXPECT_EQ(last, 1) << "the first layer's";
}

TEST(Lower, TakesGradientsThroughTheQuantizersOfParametersWhereAnyRunMasks) {
  RunSpec plain = lenet();
  RunSpec masked = lenet();
  plain.network[0].weight_quant = {.method = AllQuantizers::find("ulq"), .bits = 2};
  masked.network[0].weight_quant = {.method = AllQuantizers::find("ulq"), .bits = 2, .gradient = Gradient::kSteClipped};
  EXPECT_EQ(count<QuantizeParamBackwardOp>(lower({plain}, kMnist)), 0);
  const Plan plan = lower({plain, masked}, kMnist);
  EXPECT_EQ(count<QuantizeParamBackwardOp>(plan), 1);
  const auto first = std::ranges::find(plan.steps, Phase::kUpdate, &Step::phase);
  EXPECT_EQ(std::get<QuantizeParamBackwardOp>(first->op).param, 0) << "before any update";
}

TEST(Lower, DerivesIterationsFromTheData) {
  RunSpec spec = lenet();
  EXPECT_EQ(lower({spec}, kMnist).runs[0].iterations, 20 * 937);
  spec.train.iterations_per_epoch = 781;
  EXPECT_EQ(lower({spec}, kMnist).runs[0].iterations, 15620);
  EXPECT_EQ(iterations_per_epoch(lenet(), 10), 1) << "at least one";
}

TEST(Lower, QuantizesALayerOfThePackIfAnyRunAsks) {
  RunSpec plain = lenet();
  RunSpec quantized = lenet();
  quantized.network[4].activation_quant = {.method = AllQuantizers::find("clip"), .bits = 8};
  const Plan plan = lower({plain, quantized}, kMnist);
  ASSERT_EQ(plan.activations.size(), 1U);
  EXPECT_EQ(plan.activations[0].layer, "fc1");
  EXPECT_EQ(plan.runs[0].activations[0].method, kNoQuantizer);
  EXPECT_EQ(plan.runs[1].activations[0].method, AllQuantizers::find("clip"));
  EXPECT_EQ(count<QuantizeOp>(lower({plain}, kMnist)), 0);
}

TEST(Fuse, MergesQuantizerAndPoolingForwardAndBackward) {
  RunSpec spec = lenet();
  spec.network[0].activation_quant = {.method = AllQuantizers::find("clip"), .bits = 8};
  const Plan plan = lower({spec}, kMnist);
  EXPECT_EQ(count<QuantizeMaxPool2dOp>(plan), 1);
  EXPECT_EQ(count<QuantizeMaxPool2dBackwardOp>(plan), 1);
  EXPECT_EQ(count<QuantizeOp>(plan) + count<QuantizeBackwardOp>(plan), 0);
  EXPECT_EQ(count<MaxPool2dOp>(plan), 1) << "pool2 has no quantizer before it";
}

TEST(Fuse, KeepsAQuantizedBufferThatOthersRead) {
  RunSpec spec = lenet();
  spec.network[4].activation_quant = {.method = AllQuantizers::find("clip"), .bits = 8};
  EXPECT_EQ(count<QuantizeOp>(lower({spec}, kMnist)), 1) << "relu follows, not pooling";
}

TEST(Lower, NamesTheLayerWhoseShapesDontFit) {
  RunSpec spec = lenet();
  spec.network[2] = conv("conv2", "pool1", 50, 13);
  EXPECT_EQ(refusal(spec),
            "net.yaml:7:3: network.conv2: kernel_size 13 is larger than its input 20x12x12 with padding 0; use a "
            "smaller kernel or more padding");
  spec.network[2] = conv("conv2", "pool1", 50, 5, 0, 3);
  EXPECT_THAT(refusal(spec),
              testing::StartsWith("net.yaml:7:3: network.conv2: groups 3 divides not both its 20 input and 50"));
  spec.network[2] = pool("conv2", "pool1", 2, 2);
  EXPECT_THAT(refusal(spec), testing::HasSubstr("padding 2 is more than half of kernel_size 2; at most 1"));
  spec.network[2] = layer("conv2", "pool1", MaxPool2dLayer{.kernel_size = {4, 2}, .stride = 1, .padding = {2, 2}});
  EXPECT_THAT(refusal(spec), testing::HasSubstr("padding 2 is more than half of kernel_size 4x2; at most 2x1"));
}

TEST(Lower, AKernelMayBeLongAndReachFar) {
  RunSpec spec = lenet();
  auto& conv1 = std::get<Conv2dLayer>(spec.network[0].params);
  conv1 = {.out_channels = 20, .kernel_size = {3, 5}, .stride = {1, 2}, .padding = {0, 2}, .dilation = {4, 1}};
  const Plan plan = lower({spec}, kMnist);
  EXPECT_EQ(plan.buffers[1].shape, (Shape{20, 20, 14}));
  EXPECT_EQ(plan.params[0].dims, (std::vector<std::int64_t>{20, 1, 3, 5}));
  const std::vector<LayerCost> costs = network_costs(spec, kMnist.shape);
  EXPECT_EQ(costs[0].parameters, 20 * 15 + 20);
  EXPECT_EQ(costs[0].macs, 20 * 15 * 20 * 14);
  conv1 = {.out_channels = 20, .kernel_size = {3, 5}, .padding = {1, 0}, .dilation = {15, 1}};
  EXPECT_EQ(refusal(spec),
            "net.yaml:7:3: network.conv1: kernel_size 3x5 with dilation 15x1 takes 31x5, more than its input 1x28x28 "
            "with padding 1x0; use a smaller dilation or more padding");
  conv1.padding = {2, 0};
  spec.network[1] = layer("pool1", "conv1", ReluLayer{});
  spec.network.erase(spec.network.begin() + 2, spec.network.begin() + 4);
  spec.network[2].input = {"pool1"};
  EXPECT_EQ(refusal(spec), "accepted") << "the kernel is as large as the image with its border";
}

TEST(Lower, LaysAResidualBlockOut) {
  RunSpec spec = lenet();
  spec.network = {conv("conv1", "data", 4, 3, 1), layer("relu1", "conv1", ReluLayer{}), conv("conv2", "relu1", 4, 3, 1),
                  joining_layer("sum", {"relu1", "conv2"}, AddLayer{{1, 1}}), linear("score", "sum", 10)};
  const Plan plan = lower({spec}, kMnist);
  EXPECT_EQ(count<EltwiseOp>(plan), 1);
  EXPECT_EQ(count<EltwiseBackwardOp>(plan), 2);
  EXPECT_EQ(count<SumGradientsOp>(plan), 1) << "relu1 has two readers";
  const std::vector<LayerCost> costs = network_costs(spec, kMnist.shape);
  EXPECT_EQ(costs[3].parameters + costs[3].macs, 0);
  EXPECT_EQ(costs[3].out, (Shape{4, 28, 28}));
  spec.network[2] = conv("conv2", "relu1", 4, 3);
  EXPECT_EQ(refusal(spec),
            "net.yaml:7:3: network.sum: relu1 gives 4x28x28 and conv2 4x26x26; all inputs need one shape");
}

TEST(Lower, ASumOfImagesHasNoGradient) {
  RunSpec spec = lenet();
  spec.network = {joining_layer("sum", {"data", "data"}, AddLayer{{1, 1}}), linear("score", "sum", 10)};
  const Plan plan = lower({spec}, kMnist);
  EXPECT_EQ(count<EltwiseBackwardOp>(plan), 0);
  EXPECT_EQ(count<LinearBackwardDataOp>(plan), 0);
}

TEST(Lower, AGlobalPoolingTakesAllOfAnImage) {
  RunSpec spec = lenet();
  spec.network = {conv("conv1", "data", 4, 3), layer("pool", "conv1", GlobalAvgPool2dLayer{}),
                  linear("score", "pool", 10)};
  for (const Shape& image : {Shape{1, 28, 28}, Shape{1, 5, 9}, Shape{1, 9, 3}}) {
    const Plan plan = lower({spec}, {image, 100});
    EXPECT_EQ(plan.buffers[2].shape, (Shape{4, 1, 1}));
    const auto& pool = std::get<AvgPool2dOp>(plan.steps[5].op);
    EXPECT_EQ(pool.s.out_h() * pool.s.out_w(), 1);
  }
}

TEST(Lower, RunsOfAPackDropEachTheirShare) {
  RunSpec a = lenet();
  a.network.insert(a.network.end() - 1, layer("drop", "relu1", DropoutLayer{}));
  a.network.back().input = {"drop"};
  RunSpec b = a;
  std::get<DropoutLayer>(b.network[6].params).p = 0.25;
  EXPECT_EQ(pack_key(a), pack_key(b));
  const Plan plan = lower({a, b}, kMnist);
  EXPECT_EQ(plan.runs[0].dropouts, std::vector<double>{0.5});
  EXPECT_EQ(plan.runs[1].dropouts, std::vector<double>{0.25});
}

/// LeNet with a batch norm behind its first convolution and another on its flat vector.
RunSpec normed() {
  RunSpec spec = lenet();
  spec.network.insert(spec.network.begin() + 1, layer("bn1", "conv1", BatchNorm2dLayer{.momentum = 0.25}));
  spec.network[2].input = {"bn1"};
  spec.network.insert(spec.network.begin() + 6, layer("bn2", "fc1", BatchNorm2dLayer{}));
  spec.network[7].input = {"bn2"};
  return spec;
}

TEST(Lower, GivesABatchNormItsBlobsAndStatistics) {
  RunSpec other = normed();
  std::get<BatchNorm2dLayer>(other.network[1].params).momentum = 0.5;
  const Plan plan = lower({normed(), other}, kMnist);
  EXPECT_EQ(to_string(plan.params[2].address()), "bn1/weight");
  EXPECT_EQ(to_string(plan.params[3].address()), "bn1/bias");
  EXPECT_EQ(plan.params[2].dims, std::vector<std::int64_t>{20});
  std::vector<std::string> statistics;
  for (const Blob& blob : plan.statistics)
    statistics.push_back(to_string(blob.address()) + " " + std::to_string(blob.size()));
  EXPECT_THAT(statistics, testing::ElementsAre("bn1/mean 20", "bn1/variance 20", "bn1/count 1", "bn2/mean 500",
                                               "bn2/variance 500", "bn2/count 1"));
  EXPECT_EQ(plan.runs[0].momenta, (std::vector<double>{0.25, 0.25, 0.25, 0.1, 0.1, 0.1}));
  EXPECT_EQ(plan.runs[1].momenta[0], 0.5) << "runs of a pack differ";
  EXPECT_EQ(pack_key(normed()), pack_key(other));
  const TrainingState start = initial_state(plan, 0);
  EXPECT_EQ(start.params[2].master, std::vector<float>(20, 1.0F));
  EXPECT_EQ(start.params[3].master, std::vector<float>(20, 0.0F));
  EXPECT_EQ(start.params[4].master, initial_state(lower({lenet()}, kMnist), 0).params[2].master)
      << "its weights take no random numbers";
  EXPECT_EQ(network_costs(normed(), kMnist.shape)[1].parameters, 40);
}

TEST(Lower, ABatchNormNeedsSeveralValuesOrStatistics) {
  RunSpec spec = normed();
  spec.data.train.batch_size = 1;
  EXPECT_EQ(refusal(spec), "net.yaml:7:3: network.bn2: sees one value a channel; a batch of 2 or more");
  spec = normed();
  std::get<BatchNorm2dLayer>(spec.network[1].params).frozen = true;
  EXPECT_EQ(refusal(spec),
            "net.yaml:7:3: network.bn1: is frozen, and there are no statistics to keep; name a run in train.init_from");
  spec.train.init_from = "float.h5";
  const Plan plan = lower({spec}, kMnist);
  EXPECT_EQ(count<BatchNormBackwardWeightOp>(plan), 2) << "weight and bias learn";
}

TEST(Lower, RefusesWhatNoMachineHolds) {
  RunSpec spec = lenet();
  spec.network[0] = conv("conv1", "data", 1 << 20, 1, 1 << 20);
  EXPECT_EQ(refusal(spec),
            "net.yaml:7:3: network.conv1: takes more bytes than 64 bits count of memory, which no machine has (output "
            "1048576x2097180x2097180, batches of 100); use smaller parameters or batches");
  spec.network[0] = conv("conv1", "data", 1 << 20, 1 << 20, 1 << 20);
  EXPECT_THAT(refusal(spec), testing::HasSubstr("network.conv1: takes more bytes than 64 bits count"));
  spec = lenet();
  spec.network[0] = conv("conv1", "data", 1 << 20, 5);
  spec.network[4] = linear("fc1", "conv1", 1 << 20);
  // Weights of 2^20 x 2^20 24 24 floats in three copies, and little else.
  EXPECT_THAT(refusal(spec), testing::HasSubstr("network.fc1: takes 7077888.7 GiB of memory, which no machine has"));
  spec = lenet();
  spec.data.train.batch_size = 1 << 20;
  EXPECT_EQ(refusal(spec), "accepted") << "some machine has the memory";
}

TEST(Memory, CountsValuesGradientsAndHistories) {
  RunSpec spec = lenet();
  spec.network = {linear("score", "data", 10)};
  const std::int64_t images = 784 * 100;
  const std::int64_t score = 10 * (100 + 64) + 4 * (7840 + 10);
  EXPECT_EQ(memory_of(lower({spec}, kMnist)), 4 * (images + score)) << "sgd keeps one history";
  spec.solver.type = SolverType::kAdam;
  EXPECT_EQ(memory_of(lower({spec}, kMnist)), 4 * (images + score + 7850));
  EXPECT_EQ(largest_layer(lower({lenet()}, kMnist)).layer, "conv1") << "11520 outputs an image outweigh fc1's weights";
}

TEST(Lower, WantsOneScoreAClass) {
  RunSpec spec = lenet();
  spec.network.resize(4);
  EXPECT_THAT(refusal(spec),
              testing::HasSubstr(
                  "network.pool2: the loss needs one score a class from trained layers, this layer gives 50x4x4"));
}

TEST(Lower, CeilModeStartsItsLastWindowInside) {
  const PoolShape s{.c = 1, .h = 5, .w = 4, .k = 2, .stride = 2, .pad = 0, .ceil_mode = true};
  EXPECT_EQ(s.out_h(), 3);
  EXPECT_EQ(s.out_w(), 2);
  const PoolShape padded{.c = 1, .h = 3, .w = 3, .k = 2, .stride = 2, .pad = 1, .ceil_mode = true};
  EXPECT_EQ(padded.out_h(), 2) << "a third window would start in the padding";
}

TEST(PackKey, ComparesShapesNotNumbers) {
  RunSpec a = lenet();
  RunSpec b = lenet();
  b.seed = 9;
  b.solver.lr = 0.5;
  b.network[0].weight_quant = {.method = AllQuantizers::find("ulq"), .bits = 2};
  EXPECT_EQ(pack_key(a), pack_key(b));
  std::get<Conv2dLayer>(b.network[0].params).out_channels = 21;
  EXPECT_NE(pack_key(a), pack_key(b));
}

TEST(Lower, AddsUpGradientsAndClipsThemBeforeAnUpdate) {
  RunSpec spec = lenet();
  EXPECT_EQ(count<MeanGradientOp>(lower({spec}, kMnist)), 0);
  EXPECT_EQ(count<ClipGradientsOp>(lower({spec}, kMnist)), 0);
  spec.train.accumulate = 4;
  spec.network[0].weight_quant = {.method = AllQuantizers::find("ulq"), .bits = 2, .gradient = Gradient::kSteClipped};
  RunSpec clipped = spec;
  clipped.solver.clip_gradients = 1;
  const Plan plan = lower({spec, clipped}, kMnist);
  std::vector<std::string> names;
  for (const Step& step : plan.steps) {
    const std::string name = info_of(step.op).name;
    const bool is_of_all_params = step.phase == Phase::kAccumulate || step.phase == Phase::kUpdate;
    if (is_of_all_params && (names.empty() || names.back() != name)) names.push_back(name);
  }
  EXPECT_THAT(names, testing::ElementsAre("accumulate_gradient", "mean_gradient", "quantize_param_backward",
                                          "clip_gradients", "update"));
  EXPECT_EQ(plan.accumulate, 4);
  EXPECT_EQ(plan.runs[0].iterations, 20 * (60000 / 256));
  spec.metrics.top_k = {1, 11};
  EXPECT_THAT(refusal(spec), testing::HasSubstr("metrics.top_k: 11 of 10 classes"));
}

TEST(NetworkCosts, CountLeNet) {
  RunSpec spec = lenet();
  spec.network[2].weight_quant = {.method = AllQuantizers::find("ulq"), .bits = 2};
  spec.network[0].activation_quant = {.method = AllQuantizers::find("clip"), .bits = 8};
  const std::vector<LayerCost> costs = network_costs(spec, kMnist.shape);
  ASSERT_EQ(costs.size(), 7U);
  EXPECT_EQ(costs[0].macs, 20 * 25 * 576);
  EXPECT_EQ(costs[0].bit_operations, costs[0].macs * 32 * 32);
  EXPECT_EQ(costs[2].macs, 50 * 20 * 25 * 64);
  EXPECT_EQ(costs[2].bit_operations, costs[2].macs * 2 * 8) << "codes of conv1 reach conv2 through pooling";
  EXPECT_EQ(costs[2].parameters, 25050);
  EXPECT_EQ(costs[2].bits_quantized, 25000 * 2 + 64 + 50 * 32);
  EXPECT_EQ(costs[4].bits_float, 32 * 400500);
}

}  // namespace
}  // namespace qrun
