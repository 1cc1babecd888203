// How weights and biases start, by the distributions that are asked for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "plan/initial_state.h"
#include "plan/lower.h"
#include "support.h"

namespace qrun {
namespace {

TEST(InitialValues, FollowTheirDistribution) {
  RunSpec spec = lenet();
  spec.network[4].init = {InitType::kHe, 0};
  spec.network[6].init = {InitType::kConstant, 0.25};
  const Plan plan = lower({spec}, kMnist);
  const TrainingState start = initial_state(plan, 0);
  const std::vector<float>& xavier = start.params[2].master;
  const double bound = std::sqrt(3.0 / 500.0);
  double squares = 0;
  for (const float v : xavier) {
    ASSERT_LE(std::fabs(v), bound);
    squares += static_cast<double>(v) * static_cast<double>(v);
  }
  EXPECT_NEAR(squares / static_cast<double>(xavier.size()), 1.0 / 500.0, 5e-5) << "25,000 draws: 4 standard errors";
  squares = 0;
  const std::vector<float>& he = start.params[4].master;
  for (const float v : he) squares += static_cast<double>(v) * static_cast<double>(v);
  EXPECT_NEAR(squares / static_cast<double>(he.size()), 2.0 / 800.0, 3e-5);
  EXPECT_THAT(start.params[6].master, testing::Each(0.25f));
  EXPECT_THAT(start.params[1].master, testing::Each(0.0f)) << "biases start at 0";
}

double mean_of(const std::vector<float>& values) {
  double sum = 0;
  for (const float v : values) sum += static_cast<double>(v);
  return sum / static_cast<double>(values.size());
}
double variance_of(const std::vector<float>& values) {
  double squares = 0;
  for (const float v : values) squares += static_cast<double>(v) * static_cast<double>(v);
  return squares / static_cast<double>(values.size()) - mean_of(values) * mean_of(values);
}

/// Of conv2 [50, 20, 5, 5], fan_in 500 and fan_out 1,250: 25,000 draws, of whose mean and variance four standard errors
/// are 4 sigma / 158 and, at most, 4 sqrt(2) sigma^2 / 158.
std::vector<float> conv2_of(const InitSpec& init) {
  RunSpec spec = lenet();
  spec.network[2].init = init;
  return initial_state(lower({spec}, kMnist), 0).params[2].master;
}

TEST(InitialValues, FollowTheFanThatIsAskedFor) {
  constexpr double kErrors = 4 * 1.4143 / 158;
  for (const auto& [fan, n] :
       {std::pair(Fan::kIn, 500.0), std::pair(Fan::kOut, 1250.0), std::pair(Fan::kAverage, 875.0)}) {
    const std::vector<float> xavier = conv2_of({.type = InitType::kXavier, .fan = fan});
    EXPECT_LE(*std::ranges::max_element(xavier), std::sqrt(3 / n));
    EXPECT_NEAR(variance_of(xavier), 1 / n, kErrors / n);
    EXPECT_NEAR(variance_of(conv2_of({.type = InitType::kHe, .fan = fan})), 2 / n, kErrors * 2 / n);
  }
  EXPECT_EQ(conv2_of({.type = InitType::kHe}), conv2_of({.type = InitType::kHe, .fan = Fan::kIn}));
}

TEST(InitialValues, AreUniformOrNormalAroundAMean) {
  const std::vector<float> uniform = conv2_of({.type = InitType::kUniform, .value = -1, .high = 2});
  EXPECT_GE(*std::ranges::min_element(uniform), -1.0F);
  EXPECT_LT(*std::ranges::max_element(uniform), 2.0F);
  EXPECT_NEAR(mean_of(uniform), 0.5, 4 * std::sqrt(9.0 / 12) / 158);
  EXPECT_NEAR(variance_of(uniform), 9.0 / 12, 4 * 1.4143 * 9.0 / 12 / 158);
  const std::vector<float> normal = conv2_of({.type = InitType::kGaussian, .value = 0.5, .mean = 3});
  EXPECT_NEAR(mean_of(normal), 3, 4 * 0.5 / 158);
  EXPECT_NEAR(variance_of(normal), 0.25, 4 * 1.4143 * 0.25 / 158);
}

TEST(InitialValues, OfASparseGaussianAreThoseOfADenseOneOrZero) {
  const std::vector<float> dense = conv2_of({.type = InitType::kGaussian, .value = 0.5});
  const std::vector<float> sparse = conv2_of({.type = InitType::kGaussian, .value = 0.5, .sparse = 10});
  double kept = 0;
  for (std::size_t i = 0; i < dense.size(); ++i) {
    if (sparse[i] == 0.0F) continue;
    ASSERT_EQ(sparse[i], dense[i]) << i;
    kept += 1.0 / static_cast<double>(dense.size());
  }
  EXPECT_NEAR(kept, 10.0 / 50, 4 * std::sqrt(0.2 * 0.8) / 158);
}

TEST(InitialValues, OfABiasAreItsOwn) {
  RunSpec spec = lenet();
  const TrainingState before = initial_state(lower({spec}, kMnist), 0);
  spec.network[2].bias_init = {.type = InitType::kConstant, .value = 0.5};
  spec.network[4].bias_init = {.type = InitType::kUniform, .value = 1, .high = 2};
  const TrainingState start = initial_state(lower({spec}, kMnist), 0);
  EXPECT_THAT(start.params[3].master, testing::Each(0.5F));
  EXPECT_THAT(start.params[5].master, testing::Each(testing::AllOf(testing::Ge(1.0F), testing::Le(2.0F))));
  for (const std::size_t weight : {0, 2, 4, 6}) EXPECT_EQ(start.params[weight].master, before.params[weight].master);
}

TEST(InitialValues, OfABatchNormDrawFromNoStreamOfWeights) {
  RunSpec spec = lenet();
  spec.network[5].params = BatchNorm2dLayer{};
  const TrainingState plain = initial_state(lower({spec}, kMnist), 0);
  EXPECT_THAT(plain.params[6].master, testing::Each(1.0F));
  EXPECT_THAT(plain.params[7].master, testing::Each(0.0F));
  spec.network[5].init = {.type = InitType::kGaussian, .value = 0.1, .mean = 1};
  spec.network[5].bias_init = {.type = InitType::kGaussian, .value = 0.1};
  const TrainingState drawn = initial_state(lower({spec}, kMnist), 0);
  EXPECT_NEAR(mean_of(drawn.params[6].master), 1, 4 * 0.1 / std::sqrt(500));
  EXPECT_NE(drawn.params[7].master, plain.params[7].master);
  for (const std::size_t other : {0, 1, 2, 3, 4, 5, 8, 9})
    EXPECT_EQ(drawn.params[other].master, plain.params[other].master) << other;
}

}  // namespace
}  // namespace qrun
