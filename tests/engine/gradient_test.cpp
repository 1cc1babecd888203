// The gradient of every layer against central differences of the double-precision loss, through the layers around it.
#include "engine/support.h"
#include "plan/layers.h"
#include "plan/lower.h"
#include "reference/layers.h"
#include "reference/network.h"

namespace qrun {
namespace {

constexpr std::int64_t kBatch = 5;
constexpr Shape kInput{2, 6, 7};
constexpr double kStep = 1e-5;

LayerSpec conv(const std::string& name, std::int64_t out, std::int64_t k, std::int64_t stride, std::int64_t padding,
               std::int64_t groups, bool bias) {
  return layer(
      name, "data",
      Conv2dLayer{
          .out_channels = out, .kernel_size = k, .stride = stride, .padding = padding, .groups = groups, .bias = bias});
}
LayerSpec max_pool(std::int64_t k, std::int64_t stride, std::int64_t padding, bool ceil_mode) {
  return layer("tested", "before",
               MaxPool2dLayer{.kernel_size = k, .stride = stride, .padding = padding, .ceil_mode = ceil_mode});
}
LayerSpec avg_pool(std::int64_t k, std::int64_t stride, std::int64_t padding, bool ceil_mode, bool count_include_pad) {
  return layer("tested", "before",
               AvgPool2dLayer{.kernel_size = k,
                              .stride = stride,
                              .padding = padding,
                              .ceil_mode = ceil_mode,
                              .count_include_pad = count_include_pad});
}

/// The layer between a convolution, whose gradient passes through it, and the classes.
RunSpec network_around(const LayerSpec& tested) {
  RunSpec spec;
  spec.data.train.batch_size = spec.data.test.batch_size = kBatch;
  spec.network = {conv("before", 4, 3, 1, 1, 1, true), tested,
                  layer("score", "tested", LinearLayer{.out_features = 3})};
  spec.network[1].input = {"before"};
  return spec;
}

struct Gradients {
  std::vector<Floats> engine;  // [param]
  float loss = 0;
};

Gradients gradients_of(StepAccess& steps, const Plan& plan, const Floats& images,
                       const std::vector<std::int32_t>& labels, const std::vector<Floats>& params) {
  steps.write(0, Operand::value(plan.images), kBatch, images);
  steps.write(0, Operand::labels(), kBatch, Floats(labels.begin(), labels.end()));
  for (std::size_t p = 0; p < params.size(); ++p)
    steps.write(0, Operand::master(static_cast<ParamId>(p)), 0, params[p]);
  Gradients result;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    if (plan.steps[i].phase == Phase::kUpdate) continue;
    steps.run_step(0, i, kBatch);
    if (plan.steps[i].phase == Phase::kLoss) result.loss += steps.read(0, Operand::loss(), kBatch).at(0);
  }
  for (std::size_t p = 0; p < params.size(); ++p)
    result.engine.push_back(steps.read(0, Operand::param_gradient(static_cast<ParamId>(p)), 0));
  return result;
}

class GradientTest : public EngineTest {
 protected:
  void check(const LayerSpec& tested) { check(lower({network_around(tested)}, {kInput, 100})); }

  void check(const Plan& plan) {
    const auto program = load(plan);
    const Floats images = normal(kBatch * kInput.size(), 1);
    const std::vector<std::int32_t> labels = {0, 1, 2, 1, 0};
    std::vector<Floats> params;
    std::vector<ref::Doubles> exact;
    for (const Blob& info : plan.params) {
      params.push_back(normal(info.size(), 2 + params.size()));
      for (float& value : params.back()) value *= 0.3F;
      exact.emplace_back(params.back().begin(), params.back().end());
    }
    const Gradients got = gradients_of(program->steps(), plan, images, labels, params);
    ref::Network network(plan, {images.begin(), images.end()}, labels);
    EXPECT_NEAR(static_cast<double>(got.loss), network.loss(exact).loss, 1e-5);
    for (std::size_t p = 0; p < params.size(); ++p)
      compare(network, exact, p, got.engine[p], to_string(plan.params[p].address()));
  }

 private:
  /// Within 1e-4 of the blob's largest component. A component whose two points lie on different sides of a kink has no
  /// central difference and is left out; those are few.
  static void compare(ref::Network& network, std::vector<ref::Doubles>& params, std::size_t p, const Floats& got,
                      const std::string& what) {
    double largest = 0;
    for (const float g : got) largest = std::max(largest, std::fabs(static_cast<double>(g)));
    ASSERT_GT(largest, 0) << what;
    std::size_t compared = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      const double value = params[p][i];
      params[p][i] = value + kStep;
      const ref::LossPoint above = network.loss(params);
      params[p][i] = value - kStep;
      const ref::LossPoint below = network.loss(params);
      params[p][i] = value;
      if (above.choices != below.choices) continue;
      ++compared;
      const double want = (above.loss - below.loss) / (2 * kStep);
      ASSERT_NEAR(static_cast<double>(got[i]), want, 1e-4 * largest) << what << " at " << i;
    }
    EXPECT_GT(10 * compared, 9 * got.size()) << what << ": too many kinks to say anything";
  }
};

TEST_P(GradientTest, OfConv2dIsThatOfTheLoss) {
  check(conv("tested", 6, 3, 1, 1, 1, true));
  check(conv("tested", 5, 5, 1, 0, 1, false));
  check(conv("tested", 6, 2, 2, 1, 2, true));
  check(conv("tested", 4, 3, 3, 2, 4, true));
}

TEST_P(GradientTest, OfALongAndADilatedConv2dIsThatOfTheLoss) {
  for (const Conv2dLayer& tested :
       {Conv2dLayer{.out_channels = 5, .kernel_size = {3, 5}, .padding = {0, 2}},
        Conv2dLayer{.out_channels = 5, .kernel_size = {2, 3}, .stride = {2, 1}, .padding = {1, 2}, .dilation = {3, 2}},
        Conv2dLayer{.out_channels = 6, .kernel_size = 3, .stride = 2, .padding = 2, .dilation = 2, .groups = 2}})
    check(layer("tested", "before", tested));
}

TEST_P(GradientTest, OfADepthwiseConv2dIsThatOfTheLoss) {
  for (const Conv2dLayer& tested :
       {Conv2dLayer{.out_channels = 4, .kernel_size = 3, .padding = 1, .groups = 4},
        Conv2dLayer{.out_channels = 8, .kernel_size = {2, 3}, .stride = {2, 1}, .padding = {1, 2}, .groups = 4},
        Conv2dLayer{.out_channels = 4, .kernel_size = 3, .stride = 2, .padding = 2, .dilation = 2, .groups = 4}})
    check(layer("tested", "before", tested));
}

TEST_P(GradientTest, OfLinearIsThatOfTheLoss) {
  check(layer("tested", "before", LinearLayer{.out_features = 5}));
  check(layer("tested", "before", LinearLayer{.out_features = 2, .bias = false}));
}

TEST_P(GradientTest, OfMaxPool2dIsThatOfTheLoss) {
  check(max_pool(2, 2, 0, false));
  check(max_pool(3, 2, 1, true));
  check(max_pool(3, 1, 0, false));
}

TEST_P(GradientTest, OfAvgPool2dIsThatOfTheLoss) {
  check(avg_pool(2, 2, 0, false, false));
  check(avg_pool(3, 2, 1, true, false));
  check(avg_pool(3, 2, 1, true, true));
}

TEST_P(GradientTest, OfLongPoolingWindowsIsThatOfTheLoss) {
  check(layer("tested", "before",
              MaxPool2dLayer{.kernel_size = {2, 3}, .stride = {1, 2}, .padding = {1, 0}, .ceil_mode = true}));
  check(layer("tested", "before", AvgPool2dLayer{.kernel_size = {3, 1}, .stride = {2, 3}, .ceil_mode = true}));
}

/// A convolution that three layers read, each with a loss of its own behind it.
Plan three_heads() {
  Builder b({.input = kInput, .train_batch = kBatch, .test_batch = kBatch});
  const BufferId images = b.add_buffer("data", kInput, false);
  const auto add = [&b](const LayerSpec& spec, BufferId input) { return lower_layer(b, spec, {&input, 1}); };
  const BufferId shared = add(conv("before", 4, 3, 1, 1, 1, 1), images);
  const BufferId relu = add(layer("relu", "before", ReluLayer{}), shared);
  const BufferId pooled = add(max_pool(2, 2, 0, false), shared);
  BufferId logits = kNone;
  for (const BufferId head : {shared, relu, pooled}) {
    logits = add(layer("score", "head", LinearLayer{.out_features = 3}), head);
    b.loss(SoftmaxCrossEntropyOp{logits, 3});
  }
  RunSettings settings;
  settings.params.resize(b.plan().params.size());
  Plan plan = std::move(b).finish({settings});
  plan.images = images;
  plan.logits = logits;
  plan.classes = 3;
  return plan;
}

TEST_P(GradientTest, OfWhatSeveralLayersReadIsThatOfTheLoss) {
  const Plan plan = three_heads();
  EXPECT_TRUE(std::ranges::any_of(plan.steps,
                                  [](const Step& step) { return std::holds_alternative<SumGradientsOp>(step.op); }));
  check(plan);
}

/// A layer that takes a convolution, its relu and another convolution.
RunSpec network_joined_by(const LayerParams& tested) {
  RunSpec spec = network_around(layer("inner", "before", ReluLayer{}));
  spec.network.insert(spec.network.begin() + 2,
                      {layer("again", "inner", Conv2dLayer{.out_channels = 4, .kernel_size = 3, .padding = 1}),
                       joining_layer("tested", {"before", "again", "before"}, tested)});
  return spec;
}

TEST_P(GradientTest, OfAResidualSumIsThatOfTheLoss) {
  check(lower({network_joined_by(AddLayer{{1, 1, -0.25}})}, {kInput, 100}));
}

TEST_P(GradientTest, OfProductsIsThatOfTheLoss) { check(lower({network_joined_by(MulLayer{})}, {kInput, 100})); }

TEST_P(GradientTest, OfMaximaIsThatOfTheLoss) { check(lower({network_joined_by(MaxLayer{})}, {kInput, 100})); }

TEST_P(GradientTest, OfWhatIsConcatenatedIsThatOfTheLoss) {
  check(lower({network_joined_by(ConcatLayer{})}, {kInput, 100}));
  check(layer("tested", "before", FlattenLayer{}));
}

TEST_P(GradientTest, OfBatchNormIsThatOfTheLoss) {
  for (const BatchNorm2dLayer& norm :
       {BatchNorm2dLayer{}, BatchNorm2dLayer{.eps = 0.5, .bias = false}, BatchNorm2dLayer{.affine = false}}) {
    RunSpec spec = network_around(layer("tested", "before", norm));
    std::get<Conv2dLayer>(spec.network[0].params).bias = false;  // no bias moves what is normalized
    check(lower({spec}, {kInput, 100}));
  }
}

TEST_P(GradientTest, OfBatchNormOfAFlatVectorIsThatOfTheLoss) {
  RunSpec spec = network_around(layer("tested", "before", LinearLayer{.out_features = 6, .bias = false}));
  std::get<Conv2dLayer>(spec.network[0].params).bias = false;
  spec.network.insert(spec.network.begin() + 2, layer("norm", "tested", BatchNorm2dLayer{}));
  spec.network[3].input = {"norm"};
  check(lower({spec}, {kInput, 100}));
}

TEST_P(GradientTest, OfScaledChannelsIsThatOfTheLoss) {
  check(layer("tested", "before", ScaleLayer{}));
  check(layer("tested", "before", ScaleLayer{.bias = false}));
  check(layer("tested", "before", PreluLayer{}));
  check(layer("tested", "before", PreluLayer{.shared = true}));
}

TEST_P(GradientTest, OfSoftmaxIsThatOfTheLoss) { check(layer("tested", "before", SoftmaxLayer{})); }

TEST_P(GradientTest, OfLrnIsThatOfTheLoss) {
  check(layer("tested", "before", LrnLayer{.size = 3, .alpha = 2, .k = 0.5}));
  check(layer("tested", "before", LrnLayer{.size = 5, .alpha = 3, .beta = 1.25}));
  check(layer("tested", "before", LrnLayer{.size = 3, .alpha = 9, .region = LrnRegion::kWithin}));
}

TEST_P(GradientTest, OfActivationsIsThatOfTheLoss) {
  check(layer("tested", "before", Relu6Layer{}));
  check(layer("tested", "before", LeakyReluLayer{0.25}));
  check(layer("tested", "before", SigmoidLayer{}));
  check(layer("tested", "before", TanhLayer{}));
}

TEST_P(GradientTest, OfDropoutIsThatOfTheLoss) { check(layer("tested", "before", DropoutLayer{0.25})); }

TEST_P(GradientTest, OfGlobalAvgPool2dIsThatOfTheLoss) { check(layer("tested", "before", GlobalAvgPool2dLayer{})); }

TEST_P(GradientTest, OfReluIsThatOfTheLoss) { check(layer("tested", "before", ReluLayer{})); }

/// Threads change no bit, as other tests show.
std::vector<EngineCase> one_thread() {
  std::vector<EngineCase> cases = engine_cases();
  std::erase_if(cases, [](const EngineCase& c) { return c.threads != 1; });
  return cases;
}
INSTANTIATE_TEST_SUITE_P(Engines, GradientTest, testing::ValuesIn(one_thread()), case_name);

}  // namespace
}  // namespace qrun
