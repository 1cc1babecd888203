// What ops say that they read and write, against what changes when an engine computes them.
#include "plan/operands.h"

#include <bit>
#include <map>

#include "engine/support.h"
#include "engine/tolerance.h"
#include "quant/all.h"

namespace qrun {
namespace {

constexpr std::int64_t kBatch = 18;  // not a multiple of what the CPU takes at once

/// Every kind of op once, as an iteration would have them, on what may be quantized as differently as possible.
struct EveryOp : StepPlan {
  BufferId x = buffer({2, 6, 6});
  BufferId part = buffer({2, 6, 6});
  ParamId conv_w, conv_b, linear_w, linear_b, norm_w, norm_b, scale_w, scale_b;

  EveryOp() : StepPlan(kBatch) {
    const QuantSettings ulq = {
        .method = AllQuantizers::find("ulq"), .bits = 2, .per_channel = true, .gradient = Gradient::kSteClipped};
    const QuantSettings clip = {
        .method = AllQuantizers::find("clip"), .bits = 4, .gradient = Gradient::kSteClipped, .range = Range::kEma};
    plan.runs[0].solver = {.type = SolverType::kAdam, .lr = 0.1, .momentum = 0.9, .clip_gradients = 0.01};
    plan.accumulate = 2;
    conv_w = param({4, 2, 3, 3}, ulq);
    conv_b = param({4}, {}, BlobRole::kBias);
    linear_w = param({3, 4});
    linear_b = param({3}, {}, BlobRole::kBias);
    const ConvShape conv{.c = 2, .h = 6, .w = 6, .o = 4, .k = 3, .stride = 1, .pad = 1, .groups = 1};
    const PoolShape pool{.c = 4, .h = 6, .w = 6, .k = 2, .stride = 2};
    const PoolShape fused{.c = 4, .h = 3, .w = 3, .k = 2, .stride = 1};
    const PoolShape average{.c = 4, .h = 2, .w = 2, .k = 2, .stride = 1};
    const BufferId conved = buffer({4, 6, 6});
    const BufferId quantized = buffer({4, 6, 6});
    const BufferId pooled = buffer({4, 3, 3});
    const BufferId both = buffer({4, 2, 2});
    const BufferId averaged = buffer({4, 1, 1});
    const BufferId relued = buffer({4, 1, 1});
    const BufferId logits = buffer({3, 1, 1});
    const BufferId sum = buffer({2, 6, 6});
    const SlotId first = slot(conved, clip);
    const SlotId second = slot(pooled, clip);
    step(QuantizeParamOp{conv_w});
    step(Conv2dOp{x, conved, conv_w, conv_b, conv});
    step(QuantizeOp{conved, quantized, first});
    step(MaxPool2dOp{quantized, pooled, pool});
    step(QuantizeMaxPool2dOp{pooled, both, second, fused});
    step(AvgPool2dOp{both, averaged, average, false});
    step(ReluOp{averaged, relued});
    step(LinearOp{relued, logits, linear_w, linear_b, 4, 3});
    step(SoftmaxCrossEntropyOp{logits, 3});
    step(LinearBackwardWeightOp{relued, logits, linear_w, linear_b, 4, 3});
    step(LinearBackwardDataOp{relued, logits, linear_w, 4, 3});
    step(ReluBackwardOp{averaged, relued});
    step(AvgPool2dBackwardOp{both, averaged, average, false});
    step(QuantizeMaxPool2dBackwardOp{pooled, both, second, fused, pooled});
    step(MaxPool2dBackwardOp{quantized, pooled, pool});
    step(QuantizeBackwardOp{conved, quantized, first, conved});
    step(Conv2dBackwardWeightOp{x, conved, conv_w, conv_b, conv});
    step(Conv2dBackwardDataOp{x, conved, conv_w, conv});
    step(SumGradientsOp{sum, {x, part}});
    add_elementwise(sum);
    add_batch_norm(sum);
    add_channels(sum);
    step(QuantizeParamBackwardOp{conv_w});
    step(AccumulateGradientOp{linear_w});
    step(MeanGradientOp{linear_w, plan.accumulate});
    step(ClipGradientsOp{static_cast<int>(plan.params.size())});
    for (const ParamId id : {conv_w, conv_b, linear_w, linear_b, norm_w, norm_b, scale_w, scale_b}) step(UpdateOp{id});
  }

  /// Ops that take the images' shape to the same one; `sum` has a gradient.
  void add_elementwise(BufferId sum) {
    const BufferId added = buffer({2, 6, 6});
    const BufferId dropped = buffer({2, 6, 6});
    const BufferId activated = buffer({2, 6, 6});
    plan.dropouts = 1;
    plan.runs[0].dropouts = {0.5};
    const BufferId joined = buffer({4, 6, 6});
    step(EltwiseOp{{x, x}, added, Eltwise::kSum, {0.5F, -2.0F}});
    step(ConcatOp{{x, added}, joined});
    step(DropoutOp{x, dropped, 0});
    step(ActivationOp{x, activated, {ActivationType::kTanh}});
    step(EltwiseBackwardOp{added, {added, x}, sum, Eltwise::kSum, 0, 0.5F});
    step(EltwiseBackwardOp{added, {added, x}, sum, Eltwise::kProduct, 0, 1.0F});
    step(EltwiseBackwardOp{added, {added, x}, sum, Eltwise::kMax, 1, 1.0F});
    step(DropoutBackwardOp{dropped, sum, 0});
    step(EltwiseBackwardOp{activated, {x}, sum, Eltwise::kSum, 0, 0.5F});
    step(ConcatBackwardOp{dropped, activated, 0});
    step(ActivationBackwardOp{added, activated, {ActivationType::kTanh}});
  }

  void add_batch_norm(BufferId sum) {
    const Shape image{2, 6, 6};
    const BufferId normed = buffer(image);
    const BufferId unnormed = buffer(image);
    norm_w = param({2}, {}, BlobRole::kScale);
    norm_b = param({2}, {}, BlobRole::kShift);
    const StatisticId mean = statistic(BlobRole::kMean, 2, 0.1);
    const StatisticId variance = statistic(BlobRole::kVariance, 2, 0.1);
    const StatisticId batches = statistic(BlobRole::kCount, 1, 0.1);
    step(BatchNormMomentsOp{x, normed, mean, variance, batches, image, 1e-5, false});
    step(BatchNormOp{x, normed, norm_w, norm_b, image});
    step(EltwiseBackwardOp{normed, {x}, sum, Eltwise::kSum, 0, 0.25F});
    step(BatchNormBackwardWeightOp{x, normed, norm_w, norm_b, image});
    step(BatchNormBackwardDataOp{unnormed, x, normed, norm_w, image, false});
  }

  void add_channels(BufferId sum) {
    const Shape image{2, 6, 6};
    const BufferId scaled = buffer(image);
    const BufferId shared = buffer(image);
    scale_w = param({2}, {}, BlobRole::kScale);
    scale_b = param({2}, {}, BlobRole::kShift);
    step(ChannelScaleOp{x, scaled, scale_w, scale_b, image, Scaled::kAll});
    const BufferId normed = buffer(image);
    const BufferId scale = buffer(image);
    const Lrn lrn{.size = 3, .factor = 0.5, .within = true};
    step(LrnOp{x, normed, scale, image, lrn});
    step(SoftmaxOp{x, shared, image});
    step(EltwiseBackwardOp{shared, {x}, sum, Eltwise::kSum, 0, 0.5F});
    step(SoftmaxBackwardOp{scaled, shared, image});
    step(EltwiseBackwardOp{normed, {x}, sum, Eltwise::kSum, 0, 0.5F});
    step(LrnBackwardOp{shared, x, normed, scale, image, lrn});
    step(ChannelScaleBackwardWeightOp{x, scaled, scale_w, scale_b, image, Scaled::kAll});
    step(ChannelScaleBackwardWeightOp{x, scaled, scale_w, kNone, image, Scaled::kNegative});
    step(ChannelScaleBackwardDataOp{shared, x, scaled, scale_w, image, Scaled::kAll});
    step(ChannelScaleBackwardDataOp{shared, x, scaled, scale_w, image, Scaled::kNegative});
  }

  /// Random numbers in all that no step writes.
  void start(StepAccess& steps) const {
    steps.write(0, Operand::value(x), kBatch, normal(kBatch * 72, 1));
    steps.write(0, Operand::gradient(part), kBatch, normal(kBatch * 72, 2));
    for (std::size_t p = 0; p < plan.params.size(); ++p)
      steps.write(0, Operand::master(static_cast<ParamId>(p)), 0, normal(plan.params[p].size(), 3 + p));
    Floats labels(kBatch);
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<float>(i % 3);
    steps.write(0, Operand::labels(), kBatch, labels);
  }
};

using Snapshot = std::map<Operand, Floats>;

Snapshot snapshot_of(StepAccess& steps, const Plan& plan) {
  Snapshot all;
  for (const Operand& what : operands_of(plan)) all[what] = steps.read(0, what, kBatch);
  return all;
}

bool same_bits(const Floats& a, const Floats& b) {
  return std::ranges::equal(a, b, {}, std::bit_cast<std::uint32_t, float>, std::bit_cast<std::uint32_t, float>);
}

/// Spoils what an op is about to overwrite, but for what it reads as well.
void spoil(StepAccess& steps, const Op& op) {
  for (const Operand& what : operands_of(op).writes) {
    if (reads(op, what)) continue;
    const auto size = std::ssize(steps.read(0, what, kBatch));
    if (starts_as_nan(what)) steps.write(0, what, kBatch, nans(size));
    if (what.kind == OperandKind::kArgmax) steps.write(0, what, kBatch, Floats(static_cast<std::size_t>(size), -1.0F));
  }
}

/// The operand that an engine keeps `what` in: where nothing quantizes a parameter, its value is its master.
Operand kept_in(const Operand& what, const Plan& plan) {
  const bool alias = what.kind == OperandKind::kParamValue &&
                     plan.runs[0].params[static_cast<std::size_t>(what.id)].quant.method == kNoQuantizer;
  return alias ? Operand::master(what.id) : what;
}

TEST_P(EngineTest, EveryOpWritesWhatItSaysAndNothingElse) {
  const EveryOp every;
  const auto program = load(every.plan);
  StepAccess& steps = program->steps();
  every.start(steps);
  for (std::size_t i = 0; i < every.plan.steps.size(); ++i) {
    const Op& op = every.plan.steps[i].op;
    spoil(steps, op);
    const Snapshot before = snapshot_of(steps, every.plan);
    steps.run_step(0, i, kBatch);
    for (const auto& [what, values] : snapshot_of(steps, every.plan)) {
      const std::string where = std::string(info_of(op).name) + ", kind " +
                                std::to_string(static_cast<int>(what.kind)) + " " + std::to_string(what.id);
      const bool changed = !same_bits(values, before.at(what));
      EXPECT_EQ(changed, writes(op, kept_in(what, every.plan))) << where;
      const bool finite = std::ranges::all_of(values, [](float v) { return std::isfinite(v); });
      EXPECT_TRUE(finite || !changed) << where;
    }
  }
}

TEST(Operands, TheTestHasEveryOp) {
  const EveryOp every;
  std::set<std::size_t> kinds;
  for (const Step& step : every.plan.steps) kinds.insert(step.op.index());
  EXPECT_EQ(kinds.size(), std::variant_size_v<Op>);
}

TEST(Operands, FactorsOfSumsAreRead) {
  for (const Step& step : EveryOp().plan.steps) {
    for (const Operand& factor : tolerance_of(step.op).factors)
      EXPECT_TRUE(reads(step.op, factor)) << info_of(step.op).name;
  }
}

TEST(Operands, OpsThatPassAGradientOnWriteThatOfDx) {
  for (const Step& step : EveryOp().plan.steps) {
    std::visit(
        []<class T>(const T& op) {
          if constexpr (T::kInfo.passes_on) {
            EXPECT_TRUE(writes(op, Operand::gradient(op.dx))) << T::kInfo.name;
          }
        },
        step.op);
  }
}

}  // namespace
}  // namespace qrun
