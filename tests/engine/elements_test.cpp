// Pooling, quantizers, loss and updates of the engine against plain loops.
#include "engine/support.h"
#include "quant/measure.h"

namespace qrun {
namespace {

const PoolShape kPools[] = {
    {.c = 3, .h = 8, .w = 6, .k = 2, .stride = 2, .pad = 0, .ceil_mode = false},
    {.c = 2, .h = 7, .w = 9, .k = 3, .stride = 2, .pad = 1, .ceil_mode = false},
    {.c = 1, .h = 5, .w = 4, .k = 2, .stride = 2, .pad = 0, .ceil_mode = true},
    {.c = 2, .h = 6, .w = 6, .k = 3, .stride = 1, .pad = 0, .ceil_mode = false},
    {.c = 1, .h = 9, .w = 9, .k = 2, .stride = 3, .pad = 1, .ceil_mode = true},
    {.c = 1, .h = 4, .w = 4, .k = 4, .stride = 4, .pad = 0, .ceil_mode = false},
    {.c = 1, .h = 1, .w = 1, .k = 1, .stride = 1, .pad = 0, .ceil_mode = false},
    {.c = 2, .h = 8, .w = 9, .k = {2, 3}, .stride = {2, 3}},
    {.c = 2, .h = 7, .w = 10, .k = {3, 2}, .stride = {1, 3}, .pad = {1, 0}, .ceil_mode = true},
    {.c = 1, .h = 9, .w = 5, .k = {1, 4}, .stride = {2, 1}, .pad = {0, 2}},
    {.c = 3, .h = 6, .w = 11, .k = {2, 1}, .stride = {3, 6}, .ceil_mode = true},  // a third window would begin outside
    {.c = 2, .h = 3, .w = 7, .k = {3, 7}},
};

std::string text(const PoolShape& s, std::int64_t n) {
  return "n" + std::to_string(n) + " " + std::to_string(s.h) + "x" + std::to_string(s.w) + " k" + to_string(s.k) +
         " stride " + to_string(s.stride) + " pad " + to_string(s.pad) + (s.ceil_mode ? " ceil" : "");
}

/// Few distinct values, so that windows hold ties.
Floats tied(std::int64_t n) {
  Floats x = normal(n, 5);
  for (float& v : x) v = std::round(v);
  return x;
}

TEST_P(EngineTest, MaxPoolingTakesTheFirstMaximum) {
  for (const PoolShape& s : kPools) {
    for (const std::int64_t n : {1, 18}) {
      StepPlan p(n);
      const BufferId x = p.buffer({s.c, s.h, s.w});
      const BufferId y = p.buffer({s.c, s.out_h(), s.out_w()});
      p.step(MaxPool2dOp{x, y, s});
      p.step(MaxPool2dBackwardOp{x, y, s});
      const auto program = load(p.plan);
      StepAccess& steps = program->steps();
      const Floats xs = tied(n * s.c * s.h * s.w);
      const Floats dys = normal(n * s.c * s.out_h() * s.out_w(), 6);
      steps.write(0, Operand::value(x), n, xs);
      steps.run_step(0, 0, n);
      steps.write(0, Operand::gradient(y), n, dys);
      steps.run_step(0, 1, n);
      const std::vector<std::int64_t> where = ref::argmax(s, n, xs);
      const Floats ys = steps.read(0, Operand::value(y), n);
      ref::Sums dx(xs.size());
      for (std::size_t i = 0; i < ys.size(); ++i) {
        ASSERT_EQ(ys[i], xs[ref::at(where[i])]) << text(s, n) << " at " << i;
        dx[ref::at(where[i])].add(static_cast<double>(dys[i]));
      }
      expect_sums(steps.read(0, Operand::gradient(x), n), dx, s.k.size(), "dx " + text(s, n));
    }
  }
}

TEST_P(EngineTest, AveragePoolingDividesByWhatItCounts) {
  for (const PoolShape& s : kPools) {
    for (const bool count_include_pad : {false, true}) {
      const std::int64_t n = 18;
      StepPlan p(n);
      const BufferId x = p.buffer({s.c, s.h, s.w});
      const BufferId y = p.buffer({s.c, s.out_h(), s.out_w()});
      p.step(AvgPool2dOp{x, y, s, count_include_pad});
      p.step(AvgPool2dBackwardOp{x, y, s, count_include_pad});
      const auto program = load(p.plan);
      StepAccess& steps = program->steps();
      const Floats xs = normal(n * s.c * s.h * s.w, 5);
      const Floats dys = normal(n * s.c * s.out_h() * s.out_w(), 6);
      steps.write(0, Operand::value(x), n, xs);
      steps.write(0, Operand::gradient(y), n, dys);
      steps.run_step(0, 0, n);
      steps.run_step(0, 1, n);
      expect_sums(steps.read(0, Operand::value(y), n), ref::avg_pool2d(s, n, count_include_pad, xs), s.k.size(),
                  "y " + text(s, n));
      expect_sums(steps.read(0, Operand::gradient(x), n), ref::avg_pool2d_dx(s, n, count_include_pad, dys), s.k.size(),
                  "dx " + text(s, n));
    }
  }
}

TEST_P(EngineTest, ReluPassesWhatIsPositive) {
  StepPlan p(3);
  const BufferId x = p.buffer({5, 1, 1});
  const BufferId y = p.buffer({5, 1, 1});
  p.step(ReluOp{x, y});
  p.step(ReluBackwardOp{x, y});
  const auto program = load(p.plan);
  StepAccess& steps = program->steps();
  const Floats xs = {1, -1, 0, 2, -3, 0.5F, 0, -0.0F, 4, -4, 1, 1, -1, -1, 7};
  const Floats dys = normal(15, 6);
  steps.write(0, Operand::value(x), 3, xs);
  steps.write(0, Operand::gradient(y), 3, dys);
  steps.run_step(0, 0, 3);
  steps.run_step(0, 1, 3);
  const Floats ys = steps.read(0, Operand::value(y), 3);
  const Floats dxs = steps.read(0, Operand::gradient(x), 3);
  for (std::size_t i = 0; i < xs.size(); ++i) {
    EXPECT_EQ(ys[i], xs[i] > 0 ? xs[i] : 0.0F);
    EXPECT_EQ(dxs[i], xs[i] > 0 ? dys[i] : 0.0F);
  }
}

TEST_P(EngineTest, PartsOfAGradientAreAddedInOrder) {
  const std::int64_t n = 18;
  StepPlan p(n);
  const Shape shape{3, 2, 5};
  const BufferId x = p.buffer(shape);
  const std::vector<BufferId> parts = {p.buffer(shape), p.buffer(shape), p.buffer(shape)};
  p.step(SumGradientsOp{x, parts});
  const auto program = load(p.plan);
  StepAccess& steps = program->steps();
  Floats want;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Floats part = normal(n * shape.size(), 20 + i);
    steps.write(0, Operand::gradient(parts[i]), n, part);
    if (i == 0) want = part;
    for (std::size_t k = 0; i > 0 && k < want.size(); ++k) want[k] += part[k];
  }
  steps.run_step(0, 0, n);
  EXPECT_EQ(steps.read(0, Operand::gradient(x), n), want);
}

std::vector<QuantSettings> settings_to_test() {
  std::vector<QuantSettings> all;
  for (int method = 0; method < AllQuantizers::kCount; ++method) {
    const QuantInfo& info = AllQuantizers::kInfos[method];
    for (const int bits : {info.min_bits, std::min(8, info.max_bits), info.max_bits}) {
      for (const Gradient gradient : {Gradient::kSte, Gradient::kSteClipped})
        all.push_back({.method = method, .bits = bits, .gradient = gradient});
    }
  }
  all.push_back({.method = AllQuantizers::find("clip"),
                 .bits = 4,
                 .gradient = Gradient::kSteClipped,
                 .range = Range::kFixed,
                 .range_value = 0.8});
  return all;
}

std::string text(const QuantSettings& s) {
  return std::string(method_name(s.method)) + " " + std::to_string(s.bits) +
         (s.gradient == Gradient::kSte ? "" : " clipped");
}

/// What a quantizer makes of x by the plain functions of quant/.
struct Expected {
  Floats value;
  std::vector<bool> saturated;
};
Expected expected(const Floats& x, const QuantSettings& settings) {
  const Encoded encoded = encode(x, settings, 1);
  Expected result;
  AllQuantizers::visit(settings.method, [&]<class Q>() {
    for (std::size_t i = 0; i < x.size(); ++i) {
      result.value.push_back(decode(encoded.codes[i], encoded.params[0]));
      result.saturated.push_back(Q::saturates(x[i], encoded.params[0]));
    }
  });
  return result;
}

/// Sums of doubles in another order may differ in the last bit of a parameter, and values with it.
void expect_values(const Floats& got, const Floats& want, const std::string& what) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(got[i], want[i], 1e-6F * std::max(1.0F, std::fabs(want[i]))) << what << " at " << i;
}

TEST_P(EngineTest, QuantizesActivationsAsTheHeadersSay) {
  const std::int64_t n = 19;  // of 32: the rest of the last block of images must not count
  const Shape shape{3, 9, 7};
  for (const QuantSettings& settings : settings_to_test()) {
    StepPlan p(32);
    const BufferId x = p.buffer(shape);
    const BufferId y = p.buffer(shape);
    const SlotId slot = p.slot(x, settings);
    p.step(QuantizeOp{x, y, slot});
    p.step(QuantizeBackwardOp{x, y, slot, x});
    const auto program = load(p.plan);
    StepAccess& steps = program->steps();
    steps.write(0, Operand::value(x), 32,
                Floats(static_cast<std::size_t>(32 * shape.size()), 1000.0F));  // garbage in unused lanes
    const Floats xs = normal(n * shape.size(), 8);
    const Floats dys = normal(n * shape.size(), 9);
    steps.write(0, Operand::value(x), n, xs);
    steps.write(0, Operand::gradient(y), n, dys);
    steps.run_step(0, 0, n);
    steps.run_step(0, 1, n);
    const Expected want = expected(xs, settings);
    expect_values(steps.read(0, Operand::value(y), n), want.value, text(settings));
    const Floats dxs = steps.read(0, Operand::gradient(x), n);
    for (std::size_t i = 0; i < dxs.size(); ++i) {
      const bool blocked = settings.gradient == Gradient::kSteClipped && want.saturated[i];
      ASSERT_EQ(dxs[i], blocked ? 0.0F : dys[i]) << text(settings) << " at " << i;
    }
  }
}

TEST_P(EngineTest, FusedPoolingEqualsQuantizeThenPool) {
  const std::int64_t n = 18;
  for (const PoolShape& s : kPools) {
    for (const QuantSettings& settings : settings_to_test()) {
      StepPlan p(n);
      const BufferId x = p.buffer({s.c, s.h, s.w});
      const BufferId q = p.buffer({s.c, s.h, s.w});
      const BufferId y1 = p.buffer({s.c, s.out_h(), s.out_w()});
      const BufferId x2 = p.buffer({s.c, s.h, s.w});
      const BufferId y2 = p.buffer({s.c, s.out_h(), s.out_w()});
      const SlotId slot = p.slot(x, settings);
      const SlotId fused = p.slot(x2, settings);
      p.step(QuantizeOp{x, q, slot});
      p.step(MaxPool2dOp{q, y1, s});
      p.step(MaxPool2dBackwardOp{q, y1, s});
      p.step(QuantizeBackwardOp{x, q, slot, x});
      p.step(QuantizeMaxPool2dOp{x2, y2, fused, s});
      p.step(QuantizeMaxPool2dBackwardOp{x2, y2, fused, s, x2});
      const auto program = load(p.plan);
      StepAccess& steps = program->steps();
      const Floats xs = normal(n * s.c * s.h * s.w, 10);
      const Floats dys = normal(n * s.c * s.out_h() * s.out_w(), 11);
      for (const BufferId id : {x, x2}) steps.write(0, Operand::value(id), n, xs);
      for (const BufferId id : {y1, y2}) steps.write(0, Operand::gradient(id), n, dys);
      for (std::size_t step = 0; step < p.plan.steps.size(); ++step) steps.run_step(0, step, n);
      ASSERT_EQ(steps.read(0, Operand::value(y1), n), steps.read(0, Operand::value(y2), n))
          << text(settings) << text(s, n);
      ASSERT_EQ(steps.read(0, Operand::gradient(x), n), steps.read(0, Operand::gradient(x2), n))
          << text(settings) << text(s, n);
    }
  }
}

TEST_P(EngineTest, QuantizesParametersPerTensorAndPerChannel) {
  for (QuantSettings settings : settings_to_test()) {
    for (const bool per_channel : {false, true}) {
      settings.per_channel = per_channel;
      StepPlan p(1);
      const ParamId w = p.param({7, 3, 5, 5}, settings);
      p.step(QuantizeParamOp{w});
      const auto program = load(p.plan);
      StepAccess& steps = program->steps();
      const Floats ws = normal(7 * 75, 12);
      steps.write(0, Operand::master(w), 0, ws);
      steps.run_step(0, 0, 1);
      const Encoded want = encode(ws, settings, per_channel ? 7 : 1);
      Floats values;
      for (std::size_t i = 0; i < ws.size(); ++i)
        values.push_back(decode(want.codes[i], want.params[per_channel ? i / 75 : 0]));
      expect_values(steps.read(0, Operand::param_value(w), 0), values, text(settings));
      EXPECT_EQ(program->codes(0, w).codes, want.codes) << text(settings);
    }
  }
}

TEST_P(EngineTest, GradientsOfParametersThatSaturateAreMaskedBeforeTheUpdate) {
  for (const QuantSettings& settings : settings_to_test()) {
    StepPlan p(1);
    const ParamId w = p.param({7, 3, 5, 5}, settings);
    p.step(QuantizeParamOp{w});
    p.step(QuantizeParamBackwardOp{w});
    p.step(UpdateOp{w});
    const auto program = load(p.plan);
    StepAccess& steps = program->steps();
    const Floats ws = normal(7 * 75, 12);
    Floats gs = normal(7 * 75, 13);
    steps.write(0, Operand::master(w), 0, ws);
    steps.write(0, Operand::param_gradient(w), 0, gs);
    steps.run_step(0, 0, 1);
    steps.run_step(0, 1, 1);
    const Expected want = expected(ws, settings);
    for (std::size_t i = 0; i < gs.size(); ++i)
      if (settings.gradient == Gradient::kSteClipped && want.saturated[i]) gs[i] = 0;
    EXPECT_EQ(steps.read(0, Operand::param_gradient(w), 0), gs) << text(settings);
    steps.run_step(0, 2, 1);
    EXPECT_EQ(steps.read(0, Operand::param_gradient(w), 0), gs) << text(settings) << ": an update only updates";
  }
}

TEST_P(EngineTest, MovingRangeStartsWithTheFirstBatch) {
  StepPlan p(1);
  const BufferId x = p.buffer({4, 1, 1});
  const BufferId y = p.buffer({4, 1, 1});
  const SlotId slot =
      p.slot(x, {.method = AllQuantizers::find("clip"), .bits = 8, .range = Range::kEma, .ema_momentum = 0.75});
  p.step(QuantizeOp{x, y, slot});
  const auto program = load(p.plan);
  StepAccess& steps = program->steps();
  steps.write(0, Operand::value(x), 1, Floats{1, -4, 2, 0});
  steps.run_step(0, 0, 1);
  EXPECT_DOUBLE_EQ(program->state(0).statistics[0][0], 4.0);
  steps.write(0, Operand::value(x), 1, Floats{1, -8, 2, 0});
  steps.run_step(0, 0, 1);
  EXPECT_DOUBLE_EQ(program->state(0).statistics[0][0], 0.75 * 4.0 + 0.25 * 8.0);
  EXPECT_FLOAT_EQ(steps.read(0, Operand::value(y), 1)[1], -5.0F) << "clipped to the range";
}

TEST_P(EngineTest, LossAndItsGradientMatchTheReference) {
  for (const std::int64_t n : {1, 16, 37}) {
    const std::int64_t classes = 10;
    StepPlan p(n);
    p.plan.runs[0].label_smoothing = n == 16 ? 0 : 0.1;
    const BufferId x = p.buffer({classes, 1, 1});
    p.step(SoftmaxCrossEntropyOp{x, classes});
    const auto program = load(p.plan);
    StepAccess& steps = program->steps();
    const Floats xs = normal(n * classes, 13);
    std::vector<std::int32_t> labels;
    for (std::int64_t i = 0; i < n; ++i) labels.push_back(static_cast<std::int32_t>(i % classes));
    steps.write(0, Operand::value(x), n, xs);
    steps.write(0, Operand::labels(), n, Floats(labels.begin(), labels.end()));
    steps.run_step(0, 0, n);
    std::vector<double> want;
    const double loss = ref::softmax_cross_entropy(xs, labels, classes, p.plan.runs[0].label_smoothing, want);
    EXPECT_NEAR(static_cast<double>(steps.read(0, Operand::loss(), n).at(0)), loss, 0x1p-22 * loss);
    const Floats dxs = steps.read(0, Operand::gradient(x), n);
    for (std::size_t i = 0; i < dxs.size(); ++i)
      ASSERT_NEAR(static_cast<double>(dxs[i]), want[i], 0x1p-23 * std::fabs(want[i]) + 1e-15) << i;
  }
}

TEST_P(EngineTest, UpdatesAsTheSolverHeaderSays) {
  for (const SolverType type : {SolverType::kSgd, SolverType::kNesterov, SolverType::kAdam, SolverType::kAdagrad,
                                SolverType::kRmsprop, SolverType::kAdadelta}) {
    StepPlan p(1);
    p.plan.runs[0].solver = {
        .type = type,
        .lr = 0.1,
        .momentum = 0.9,
        .weight_decay = 0.01,
        .regularization = type == SolverType::kNesterov ? Regularization::kL1 : Regularization::kL2};
    const ParamId w = p.param({3, 23});
    p.plan.runs[0].params[0].lr_mult = 2;
    p.plan.runs[0].params[0].decay_mult = 0.5;
    p.step(UpdateOp{w});
    const auto program = load(p.plan);
    StepAccess& steps = program->steps();
    Floats ws = normal(69, 14);
    const Floats gs = normal(69, 15);
    steps.write(0, Operand::master(w), 0, ws);
    steps.write(0, Operand::param_gradient(w), 0, gs);
    steps.run_step(0, 0, 1);
    const UpdateParams update_params =
        qrun::update_params(p.plan.runs[0].solver, rate_of(p.plan.runs[0].solver, 0, 100), 2, 0.5);
    for (std::size_t i = 0; i < ws.size(); ++i) {
      float a = 0;
      float b = 0;
      const auto step = [&]<SolverType kType>() { update<kType>(ws[i], gs[i], a, b, update_params); };
      switch (type) {
        case SolverType::kSgd: step.template operator()<SolverType::kSgd>(); break;
        case SolverType::kNesterov: step.template operator()<SolverType::kNesterov>(); break;
        case SolverType::kAdam: step.template operator()<SolverType::kAdam>(); break;
        case SolverType::kAdagrad: step.template operator()<SolverType::kAdagrad>(); break;
        case SolverType::kRmsprop: step.template operator()<SolverType::kRmsprop>(); break;
        case SolverType::kAdadelta: step.template operator()<SolverType::kAdadelta>(); break;
      }
    }
    EXPECT_EQ(steps.read(0, Operand::param_value(w), 0), ws) << static_cast<int>(type);
  }
}

}  // namespace
}  // namespace qrun
