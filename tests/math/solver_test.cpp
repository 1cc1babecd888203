// Rates and steps against numbers worked out by hand from Caffe's formulas.
#include "math/solver.h"

#include <gtest/gtest.h>

#include <cmath>

namespace qrun {
namespace {

Solver with_policy(const LrPolicy& policy) { return {.lr = 0.5, .lr_policy = policy}; }

TEST(LearningRate, FollowsEachPolicy) {
  EXPECT_DOUBLE_EQ(learning_rate(with_policy({}), 7, 100), 0.5);
  const Solver step = with_policy({.type = LrPolicyType::kStep, .gamma = 0.1, .step_size = 10});
  EXPECT_DOUBLE_EQ(learning_rate(step, 9, 100), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(step, 10, 100), 0.05);
  EXPECT_DOUBLE_EQ(learning_rate(step, 25, 100), 0.5 * 0.1 * 0.1);
  const Solver multistep = with_policy({.type = LrPolicyType::kMultistep, .gamma = 0.5, .steps = {3, 8}});
  EXPECT_DOUBLE_EQ(learning_rate(multistep, 2, 100), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(multistep, 3, 100), 0.25);
  EXPECT_DOUBLE_EQ(learning_rate(multistep, 8, 100), 0.125);
  EXPECT_DOUBLE_EQ(learning_rate(with_policy({.type = LrPolicyType::kExp, .gamma = 0.5}), 3, 100), 0.0625);
  EXPECT_DOUBLE_EQ(learning_rate(with_policy({.type = LrPolicyType::kInv, .gamma = 1, .power = 2}), 1, 100), 0.125);
  const Solver poly = with_policy({.type = LrPolicyType::kPoly, .power = 2});
  EXPECT_DOUBLE_EQ(learning_rate(poly, 0, 11), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(poly, 5, 11), 0.125);
  EXPECT_DOUBLE_EQ(learning_rate(poly, 10, 11), 0.0) << "the last iteration of 11";
  const Solver sigmoid = with_policy({.type = LrPolicyType::kSigmoid, .gamma = -1, .step_size = 4});
  EXPECT_DOUBLE_EQ(learning_rate(sigmoid, 4, 100), 0.25);
  EXPECT_DOUBLE_EQ(learning_rate(sigmoid, 5, 100), 0.5 / (1 + std::exp(1.0)));
  const Solver cosine = with_policy({.type = LrPolicyType::kCosine});
  EXPECT_DOUBLE_EQ(learning_rate(cosine, 0, 11), 0.5);
  EXPECT_NEAR(learning_rate(cosine, 5, 11), 0.25, 1e-16);
  EXPECT_NEAR(learning_rate(cosine, 10, 11), 0.0, 1e-16);
}

TEST(LearningRate, WarmsUpLinearly) {
  const Solver solver = with_policy({.warmup_iterations = 4});
  EXPECT_DOUBLE_EQ(learning_rate(solver, 0, 100), 0.125);
  EXPECT_DOUBLE_EQ(learning_rate(solver, 2, 100), 0.375);
  EXPECT_DOUBLE_EQ(learning_rate(solver, 3, 100), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(solver, 50, 100), 0.5);
}

/// A parameter through steps with the gradients 2 and -1, from w = 1, at rate 0.5, momentum 0.5, decay 0.25.
template <SolverType kType>
std::pair<float, float> two_steps(Solver solver) {
  solver.type = kType;
  solver.lr = 0.5;
  solver.weight_decay = 0.25;
  float w = 1;
  float a = 0;
  float b = 0;
  update<kType>(w, 2, a, b, update_params(solver, rate_of(solver, 0, 10), 1, 1));
  const float first = w;
  update<kType>(w, -1, a, b, update_params(solver, rate_of(solver, 1, 10), 1, 1));
  return {first, w};
}

TEST(Update, SgdAddsMomentumToTheStep) {
  // g' = 2.25, v = 1.125, w = -0.125; g' = -1.03125, v = 0.5625 - 0.515625 = 0.046875, w = -0.171875
  const auto [first, second] = two_steps<SolverType::kSgd>({.momentum = 0.5});
  EXPECT_EQ(first, -0.125F);
  EXPECT_EQ(second, -0.171875F);
}

TEST(Update, L1PullsByTheSign) {
  // g' = 2.25, w = 1 - 1.125 = -0.125; g' = -1 - 0.25, w = -0.125 + 0.625 = 0.5
  const auto [first, second] = two_steps<SolverType::kSgd>({.regularization = Regularization::kL1});
  EXPECT_EQ(first, -0.125F);
  EXPECT_EQ(second, 0.5F);
  EXPECT_EQ(sign_of(0.0F), 0.0F) << "what is 0 stays";
  EXPECT_EQ(sign_of(-0.0F), 0.0F);
}

TEST(Update, NesterovLooksAhead) {
  // v1 = 1.125, w = 1 - 1.5 * 1.125 = -0.6875; g' = -1.171875, v2 = 0.5625 - 0.5859375 = -0.0234375,
  // w = -0.6875 - (1.5 * -0.0234375 - 0.5 * 1.125) = -0.08984375
  const auto [first, second] = two_steps<SolverType::kNesterov>({.momentum = 0.5});
  EXPECT_EQ(first, -0.6875F);
  EXPECT_EQ(second, -0.08984375F);
}

TEST(Update, AdamsFirstStepIsItsRate) {
  // Bias-corrected, the first step is rate * g / |g|, whatever g.
  const auto [first, second] = two_steps<SolverType::kAdam>({});
  EXPECT_NEAR(first, 0.5F, 1e-6);
  // g' = -1 + 0.125 = -0.875; m = 0.9 * 0.225 - 0.0875 = 0.115; s = 0.999 * 0.0050625 + 0.001 * 0.765625 = 0.0058230625
  const double step = 0.5 * std::sqrt(1 - 0.999 * 0.999) / (1 - 0.81) * 0.115 / std::sqrt(0.0058230625);
  EXPECT_NEAR(second, 0.5 - step, 1e-5);
}

TEST(Update, AdagradDividesByTheRootOfAllSquares) {
  const auto [first, second] = two_steps<SolverType::kAdagrad>({});
  EXPECT_NEAR(first, 0.5F, 1e-6);
  EXPECT_NEAR(second, 0.5 + 0.5 * 0.875 / std::sqrt(2.25 * 2.25 + 0.875 * 0.875), 1e-6);
}

TEST(Update, RmspropAveragesSquares) {
  const auto [first, second] = two_steps<SolverType::kRmsprop>({.decay = 0.75});
  EXPECT_NEAR(first, 1 - 0.5 * 2.25 / (0.5 * 2.25), 1e-6) << "s = 0.25 g'^2";
  EXPECT_NEAR(second, 0.5 * 1.0 / std::sqrt(0.75 * 0.25 * 2.25 * 2.25 + 0.25), 1e-6) << "w = 0, so g' = -1";
}

TEST(Update, AdadeltaScalesByItsOwnSteps) {
  const auto [first, second] = two_steps<SolverType::kAdadelta>({.momentum = 0.95, .epsilon = 1e-6});
  const double s1 = 0.05 * 2.25 * 2.25;
  const double u1 = 2.25 * std::sqrt(1e-6 / (s1 + 1e-6));
  EXPECT_NEAR(first, 1 - 0.5 * u1, 1e-7);
  const double g2 = -1 + 0.25 * (1 - 0.5 * u1);
  const double s2 = 0.95 * s1 + 0.05 * g2 * g2;
  const double u2 = g2 * std::sqrt((0.05 * u1 * u1 + 1e-6) / (s2 + 1e-6));
  EXPECT_NEAR(second, 1 - 0.5 * u1 - 0.5 * u2, 1e-7);
}

}  // namespace
}  // namespace qrun
