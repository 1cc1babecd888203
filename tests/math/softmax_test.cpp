#include "math/softmax.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace qrun {
namespace {

double loss_of(const std::vector<float>& x, std::int32_t label) {
  return softmax_loss(x.data(), 1, static_cast<std::int64_t>(x.size()), label, 0, 1, nullptr);
}

TEST(SoftmaxLoss, IsTheLogarithmOfOneOverTheProbability) {
  EXPECT_DOUBLE_EQ(loss_of({0, 0, 0, 0}, 2), std::log(4.0));
  EXPECT_NEAR(loss_of({1, 2}, 0), std::log(1 + std::exp(1.0)), 1e-15);
  EXPECT_NEAR(loss_of({1, 2}, 1), std::log(1 + std::exp(-1.0)), 1e-15);
}

TEST(SoftmaxLoss, OverflowsNowhere) {
  EXPECT_DOUBLE_EQ(loss_of({3e38F, -3e38F}, 0), 0.0);
  EXPECT_DOUBLE_EQ(loss_of({-3e38F, -3e38F}, 0), std::log(2.0) + 3e38F - 3e38F);
}

TEST(SoftmaxLoss, ShowsNanWhereverItLies) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(loss_of({nan, 1, 2}, 1)));
  EXPECT_TRUE(std::isnan(loss_of({1, nan, 2}, 0)));
}

TEST(SoftmaxLoss, GradientIsTheProbabilityLessTheLabel) {
  const std::vector<float> x = {0.5F, -1.0F, 2.0F};
  double sum = 0;
  for (const float v : x) sum += std::exp(static_cast<double>(v));
  std::vector<float> dx(3);
  softmax_loss(x.data(), 1, 3, 1, 0, 8, dx.data());
  for (std::size_t c = 0; c < 3; ++c)
    EXPECT_FLOAT_EQ(dx[c], static_cast<float>((std::exp(static_cast<double>(x[c])) / sum - (c == 1 ? 1.0 : 0.0)) / 8));
}

TEST(SoftmaxLoss, StepsFromClassToClass) {
  const std::vector<float> x = {0.5F, 9, -1.0F, 9, 2.0F, 9};
  const std::vector<float> packed = {0.5F, -1.0F, 2.0F};
  std::vector<float> dx(6, 7.0F);
  std::vector<float> packed_dx(3);
  EXPECT_EQ(softmax_loss(x.data(), 2, 3, 2, 0.1, 4, dx.data()),
            softmax_loss(packed.data(), 1, 3, 2, 0.1, 4, packed_dx.data()));
  EXPECT_EQ(dx, (std::vector<float>{packed_dx[0], 7, packed_dx[1], 7, packed_dx[2], 7}));
  EXPECT_EQ(arg_max(x.data(), 2, 3), 2);
}

TEST(ArgMax, TakesTheFirstOfSeveral) {
  const std::vector<float> x = {1, 3, 2, 3};
  EXPECT_EQ(arg_max(x.data(), 1, 4), 1);
  EXPECT_EQ(arg_max(x.data(), 1, 1), 0);
}

TEST(Softmax, SmoothedLabelsArePartsOfAllClasses) {
  const std::vector<float> x = {1.0F, -2.0F, 0.5F, 3.0F};
  constexpr double kSmoothing = 0.2;
  double sum = 0;
  for (const float v : x) sum += std::exp(static_cast<double>(v));
  double want = 0;
  for (std::size_t c = 0; c < x.size(); ++c)
    want -= (c == 2 ? 0.85 : 0.05) * (static_cast<double>(x[c]) - std::log(sum));
  std::vector<float> dx(x.size());
  EXPECT_NEAR(softmax_loss(x.data(), 1, 4, 2, kSmoothing, 1, dx.data()), want, 1e-15);
  for (std::size_t c = 0; c < x.size(); ++c)
    EXPECT_FLOAT_EQ(dx[c], static_cast<float>(std::exp(static_cast<double>(x[c])) / sum - (c == 2 ? 0.85 : 0.05)));
}

TEST(Softmax, ALabelIsBeatenByMoreOrByTheSameOfALowerIndex) {
  const std::vector<float> x = {1, 5, 3, 3, 3, 7};
  const std::vector<std::int32_t> want = {5, 1, 2, 3, 4, 0};
  for (std::int32_t label = 0; label < 6; ++label)
    EXPECT_EQ(label_rank(x.data(), 1, 6, label), want[static_cast<std::size_t>(label)]) << label;
  EXPECT_EQ(label_rank(x.data(), 2, 3, 1), 0) << "scores 1, 3, 3";
}

}  // namespace
}  // namespace qrun
