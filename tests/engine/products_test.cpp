// Convolution and matrix products of the engine against double-precision loops, on shapes chosen to be awkward.
#include <cuda_runtime.h>

#include <span>

#include "engine/conv_plan.h"

namespace qrun {
namespace {

struct ConvCase {
  std::int64_t n;
  ConvShape s;
};
const ConvCase kConvs[] = {
    {1, {.c = 1, .h = 1, .w = 1, .o = 1, .k = 1, .stride = 1, .pad = 0, .groups = 1}},
    {2, {.c = 3, .h = 9, .w = 7, .o = 5, .k = 3, .stride = 1, .pad = 1, .groups = 1}},
    {3, {.c = 2, .h = 12, .w = 12, .o = 7, .k = 5, .stride = 1, .pad = 0, .groups = 1}},
    {17, {.c = 3, .h = 14, .w = 15, .o = 6, .k = 5, .stride = 1, .pad = 2, .groups = 1}},
    {5, {.c = 4, .h = 11, .w = 10, .o = 9, .k = 3, .stride = 2, .pad = 1, .groups = 1}},
    {4, {.c = 3, .h = 13, .w = 9, .o = 4, .k = 2, .stride = 3, .pad = 0, .groups = 1}},
    {2, {.c = 3, .h = 17, .w = 19, .o = 11, .k = 7, .stride = 2, .pad = 3, .groups = 1}},
    {2, {.c = 2, .h = 9, .w = 9, .o = 3, .k = 7, .stride = 1, .pad = 3, .groups = 1}},
    {3, {.c = 6, .h = 6, .w = 5, .o = 6, .k = 3, .stride = 1, .pad = 1, .groups = 6}},
    {3, {.c = 8, .h = 7, .w = 7, .o = 12, .k = 3, .stride = 2, .pad = 1, .groups = 4}},
    {16, {.c = 7, .h = 4, .w = 4, .o = 13, .k = 1, .stride = 1, .pad = 0, .groups = 1}},
    {2, {.c = 2, .h = 8, .w = 8, .o = 3, .k = 1, .stride = 3, .pad = 0, .groups = 1}},
    {33, {.c = 1, .h = 28, .w = 28, .o = 20, .k = 5, .stride = 1, .pad = 0, .groups = 1}},
    {2, {.c = 2, .h = 3, .w = 40, .o = 2, .k = 3, .stride = 1, .pad = 0, .groups = 1}},
    {1, {.c = 1, .h = 5, .w = 5, .o = 2, .k = 5, .stride = 1, .pad = 4, .groups = 1}},
    {3, {.c = 35, .h = 7, .w = 6, .o = 40, .k = 3, .stride = 1, .pad = 1, .groups = 1}},
    {3, {.c = 5, .h = 1, .w = 1, .o = 2, .k = 1, .stride = 3, .pad = 1}},  // its one window lies in the border
    {3, {.c = 4, .h = 9, .w = 11, .o = 7, .k = {3, 5}}},
    {18, {.c = 3, .h = 10, .w = 8, .o = 6, .k = {5, 3}, .pad = {2, 1}}},
    {2, {.c = 3, .h = 8, .w = 13, .o = 5, .k = 3, .pad = {0, 2}}},
    {5, {.c = 4, .h = 12, .w = 7, .o = 6, .k = {1, 7}, .pad = {0, 3}}},
    {5, {.c = 4, .h = 7, .w = 12, .o = 6, .k = {7, 1}, .pad = {3, 0}, .groups = 2}},
    {4, {.c = 3, .h = 13, .w = 11, .o = 7, .k = {2, 3}, .stride = {3, 2}, .pad = {1, 0}}},
    {3, {.c = 2, .h = 9, .w = 14, .o = 5, .k = {4, 2}, .stride = {1, 3}, .pad = {3, 1}}},
    {3, {.c = 3, .h = 11, .w = 12, .o = 4, .k = 3, .pad = 2, .dilation = 2}},
    {17, {.c = 2, .h = 12, .w = 15, .o = 6, .k = {3, 2}, .pad = {1, 4}, .dilation = {4, 3}}},
    {2,
     {.c = 4, .h = 14, .w = 13, .o = 6, .k = {3, 4}, .stride = {2, 3}, .pad = {3, 2}, .groups = 2, .dilation = {3, 2}}},
    {2, {.c = 3, .h = 15, .w = 17, .o = 4, .k = {4, 3}, .stride = {4, 6}, .pad = {2, 5}, .dilation = {2, 4}}},
    {2, {.c = 2, .h = 6, .w = 5, .o = 3, .k = {2, 3}, .stride = {5, 1}, .pad = 7, .dilation = {6, 1}}},
};
// A group for each channel.
const ConvCase kDepthwise[] = {
    {2, {.c = 2, .h = 1, .w = 1, .o = 2, .k = 1, .groups = 2}},
    {17, {.c = 5, .h = 9, .w = 12, .o = 5, .k = 3, .pad = 1, .groups = 5}},
    {3, {.c = 3, .h = 14, .w = 29, .o = 6, .k = 5, .pad = 2, .groups = 3}},
    {18, {.c = 4, .h = 11, .w = 10, .o = 12, .k = 3, .stride = 2, .pad = 1, .groups = 4}},
    {2, {.c = 3, .h = 8, .w = 9, .o = 3, .k = 7, .pad = 3, .groups = 3}},
    {2, {.c = 3, .h = 3, .w = 2, .o = 3, .k = 3, .pad = 1, .groups = 3}},
    {2, {.c = 2, .h = 2, .w = 3, .o = 4, .k = 5, .pad = 4, .groups = 2}},
    {3, {.c = 3, .h = 7, .w = 16, .o = 3, .k = {1, 4}, .pad = {0, 2}, .groups = 3}},
    {3, {.c = 3, .h = 16, .w = 7, .o = 6, .k = {4, 2}, .stride = {1, 3}, .groups = 3}},
    {5, {.c = 2, .h = 12, .w = 13, .o = 2, .k = 2, .stride = 3, .groups = 2}},
    {3, {.c = 2, .h = 13, .w = 12, .o = 4, .k = 3, .pad = 2, .groups = 2, .dilation = 2}},
    {2,
     {.c = 3, .h = 15, .w = 17, .o = 3, .k = {4, 3}, .stride = {4, 6}, .pad = {2, 5}, .groups = 3, .dilation = {2, 4}}},
    {2, {.c = 2, .h = 6, .w = 5, .o = 2, .k = {2, 3}, .stride = {5, 1}, .pad = 7, .groups = 2, .dilation = {6, 1}}},
};
// Large enough for each size of tile that the CUDA engine has.
const ConvCase kLargeConvs[] = {
    {16, {.c = 70, .h = 23, .w = 23, .o = 70, .k = 1, .stride = 1, .pad = 0, .groups = 1}},
    {33, {.c = 2, .h = 23, .w = 23, .o = 40, .k = 3, .stride = 1, .pad = 1, .groups = 1}},
    {33, {.c = 40, .h = 23, .w = 23, .o = 5, .k = 3, .stride = 1, .pad = 1, .groups = 1}},
    {20, {.c = 3, .h = 23, .w = 23, .o = 40, .k = 3, .stride = 1, .pad = 1, .groups = 1}},
};

class ConvTest : public EngineTest {
 protected:
  /// y, dx, dw and db.
  std::vector<Floats> outputs_of(std::int64_t n, const ConvShape& s) {
    StepPlan p(n);
    const BufferId x = p.buffer({s.c, s.h, s.w});
    const BufferId y = p.buffer({s.o, s.out_h(), s.out_w()});
    const ParamId w = p.param({s.o, s.c / s.groups, s.k.h, s.k.w});
    const ParamId b = p.param({s.o}, {}, BlobRole::kBias);
    p.step(Conv2dOp{x, y, w, b, s});
    p.step(Conv2dBackwardDataOp{x, y, w, s});
    p.step(Conv2dBackwardWeightOp{x, y, w, b, s});
    const auto program = load(p.plan);
    StepAccess& steps = program->steps();
    steps.write(0, Operand::value(x), n, normal(n * s.c * s.h * s.w, 1));
    steps.write(0, Operand::master(w), 0, normal(s.weights(), 2));
    steps.write(0, Operand::master(b), 0, normal(s.o, 3));
    steps.write(0, Operand::gradient(y), n, normal(n * s.o * s.out_h() * s.out_w(), 4));
    for (const std::size_t step : {0, 1, 2}) steps.run_step(0, step, n);
    return {steps.read(0, Operand::value(y), n), steps.read(0, Operand::gradient(x), n),
            steps.read(0, Operand::param_gradient(w), 0), steps.read(0, Operand::param_gradient(b), 0)};
  }

  void expect_inside_the_bound(std::span<const ConvCase> cases, Precision precision) {
    for (const auto& [n, s] : cases) {
      const ConvPlan conv(s, n, precision, Products::kOwn);
      conv.expect_inside_the_bound(*load(conv.plan()));
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, ConvTest, testing::ValuesIn(engine_cases()), case_name);

TEST_P(ConvTest, StaysInsideTheRoundingBound) { expect_inside_the_bound(kConvs, Precision::kFp32); }

TEST_P(ConvTest, DepthwiseStaysInsideTheRoundingBound) { expect_inside_the_bound(kDepthwise, Precision::kFp32); }

TEST_P(ConvTest, StaysInsideTheRoundingBoundOfTf32) {
  if (GetParam().engine == "cpu") return;  // computes in float32 whatever is allowed
  expect_inside_the_bound(kConvs, Precision::kTf32);
}

// There other tiles are the cheapest.
TEST_P(ConvTest, StaysInsideTheRoundingBoundOnASmallDevice) {
  if (GetParam().engine != "emulated") return;
  emulation::multiprocessors = 1;
  expect_inside_the_bound(kConvs, Precision::kFp32);
  emulation::multiprocessors = 132;
}

TEST_P(ConvTest, LargeTilesStayInsideTheRoundingBound) {
  if (GetParam().engine == "cpu") return;  // has none
  expect_inside_the_bound(kLargeConvs, Precision::kFp32);
  expect_inside_the_bound(kLargeConvs, Precision::kTf32);
}

TEST_P(ConvTest, LargeTilesStayInsideTheRoundingBoundOnASmallDevice) {
  if (GetParam().engine != "emulated") return;
  emulation::multiprocessors = 1;
  expect_inside_the_bound(kLargeConvs, Precision::kFp32);
  emulation::multiprocessors = 132;
}

// Which tiles are the cheapest depends on the device and on the number of runs; what they sum does not.
TEST_P(ConvTest, TilesChangeNoBit) {
  if (GetParam().engine != "emulated") return;
  for (const auto& [n, s] :
       {ConvCase{9, {.c = 7, .h = 12, .w = 12, .o = 21, .k = 5}},
        ConvCase{40, {.c = 2, .h = 9, .w = 9, .o = 6, .k = 3, .stride = 1, .pad = 1}},
        ConvCase{12, {.c = 1, .h = 28, .w = 28, .o = 20, .k = 5}},
        ConvCase{7, {.c = 6, .h = 14, .w = 11, .o = 70, .k = 3, .stride = 1, .pad = 2, .groups = 2}},
        ConvCase{6, {.c = 5, .h = 9, .w = 9, .o = 9, .k = 3, .stride = 2, .pad = 1}},
        ConvCase{6, {.c = 5, .h = 9, .w = 14, .o = 9, .k = {5, 3}, .pad = {2, 1}}},
        ConvCase{6, {.c = 5, .h = 9, .w = 14, .o = 10, .k = 3, .pad = 1, .groups = 5}},
        ConvCase{6, {.c = 5, .h = 12, .w = 9, .o = 9, .k = {3, 2}, .stride = {2, 1}, .pad = 1, .dilation = {3, 2}}},
        ConvCase{33, {.c = 700, .h = 1, .w = 1, .o = 300, .k = 1}}}) {
    std::vector<Floats> first;
    for (const int processors : {132, 1, 4, 100000}) {
      emulation::multiprocessors = processors;
      const std::vector<Floats> outputs = outputs_of(n, s);
      if (first.empty()) first = outputs;
      EXPECT_EQ(outputs, first) << text(s, n) << ", " << processors << " multiprocessors";
    }
  }
  emulation::multiprocessors = 132;
}

TEST_P(EngineTest, ProductsInTf32RoundTheirFactorsAndNothingElse) {
  if (GetParam().engine == "cpu") return;
  StepPlan p(1);
  p.plan.precision = Precision::kTf32;
  const BufferId x = p.buffer({3, 1, 1});
  const BufferId y = p.buffer({1, 1, 1});
  const ParamId w = p.param({1, 3});
  p.step(LinearOp{x, y, w, kNone, 3, 1});
  const auto program = load(p.plan);
  StepAccess& steps = program->steps();
  steps.write(0, Operand::value(x), 1, Floats{2047, 2049, 0x1.802p0F});  // the last two are ties: away from zero
  steps.write(0, Operand::master(w), 0, Floats{1, 2, 4096});
  steps.run_step(0, 0, 1);
  EXPECT_EQ(steps.read(0, Operand::value(y), 1), (Floats{2047 + 2 * 2050 + 4096 * 0x1.804p0F}));
}

TEST_P(EngineTest, LinearStaysInsideTheRoundingBound) {
  struct Case {
    std::int64_t n, in, out;
  };
  for (const auto& [n, in, out] : {Case{1, 1, 1}, Case{3, 7, 5}, Case{16, 16, 10}, Case{17, 33, 13}, Case{64, 50, 21},
                                   Case{100, 19, 4}, Case{5, 700, 33}, Case{33, 256, 300}, Case{3, 1100, 2}}) {
    const std::string what = "n" + std::to_string(n) + " in " + std::to_string(in) + " out " + std::to_string(out);
    const ConvShape s = ref::as_conv(in, out);
    StepPlan p(n);
    const BufferId x = p.buffer({in, 1, 1});
    const BufferId y = p.buffer({out, 1, 1});
    const ParamId w = p.param({out, in});
    const ParamId b = p.param({out}, {}, BlobRole::kBias);
    p.step(LinearOp{x, y, w, b, in, out});
    p.step(LinearBackwardDataOp{x, y, w, in, out});
    p.step(LinearBackwardWeightOp{x, y, w, b, in, out});
    const auto program = load(p.plan);
    StepAccess& steps = program->steps();
    const Floats xs = normal(n * in, 1);
    const Floats ws = normal(out * in, 2);
    const Floats bs = normal(out, 3);
    const Floats dys = normal(n * out, 4);
    steps.write(0, Operand::value(x), n, xs);
    steps.write(0, Operand::master(w), 0, ws);
    steps.write(0, Operand::master(b), 0, bs);
    steps.run_step(0, 0, n);
    expect_sums(steps.read(0, Operand::value(y), n), ref::conv2d(s, n, xs, ws, bs), in, "y " + what);
    steps.write(0, Operand::gradient(y), n, dys);
    steps.run_step(0, 1, n);
    expect_sums(steps.read(0, Operand::gradient(x), n), ref::conv2d_dx(s, n, ws, dys), out, "dx " + what);
    steps.run_step(0, 2, n);
    expect_sums(steps.read(0, Operand::param_gradient(w), 0), ref::conv2d_dw(s, n, xs, dys), n, "dw " + what);
    expect_sums(steps.read(0, Operand::param_gradient(b), 0), ref::bias_gradient(n, out, 1, dys), n, "db " + what);
  }
}

TEST_P(EngineTest, LayersWithoutBiasStartAtZero) {
  StepPlan p(2);
  const BufferId x = p.buffer({3, 1, 1});
  const BufferId y = p.buffer({2, 1, 1});
  const ParamId w = p.param({2, 3});
  p.step(LinearOp{x, y, w, kNone, 3, 2});
  p.step(LinearBackwardWeightOp{x, y, w, kNone, 3, 2});
  const auto program = load(p.plan);
  StepAccess& steps = program->steps();
  steps.write(0, Operand::value(x), 2, Floats{1, 2, 3, -1, 0, 1});
  steps.write(0, Operand::master(w), 0, Floats{1, 10, 100, 2, 4, 8});
  steps.run_step(0, 0, 2);
  EXPECT_EQ(steps.read(0, Operand::value(y), 2), (Floats{321, 34, 99, 6}));
  steps.write(0, Operand::gradient(y), 2, Floats{1, 0, 0, 2});
  steps.run_step(0, 1, 2);
  EXPECT_EQ(steps.read(0, Operand::param_gradient(w), 0), (Floats{1, 2, 3, -2, 0, 2}));
}

}  // namespace
}  // namespace qrun
