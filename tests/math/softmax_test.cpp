#include "math/softmax.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace qrun {
namespace {

double loss_of(const std::vector<float>& x, std::int32_t label) {
  return softmax_loss(x.data(), 1, static_cast<std::int64_t>(x.size()), label, 1, nullptr);
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
  softmax_loss(x.data(), 1, 3, 1, 8, dx.data());
  for (std::size_t c = 0; c < 3; ++c)
    EXPECT_FLOAT_EQ(dx[c], static_cast<float>((std::exp(static_cast<double>(x[c])) / sum - (c == 1 ? 1.0 : 0.0)) / 8));
}

TEST(SoftmaxLoss, StepsFromClassToClass) {
  const std::vector<float> x = {0.5F, 9, -1.0F, 9, 2.0F, 9};
  const std::vector<float> packed = {0.5F, -1.0F, 2.0F};
  std::vector<float> dx(6, 7.0F);
  std::vector<float> packed_dx(3);
  EXPECT_EQ(softmax_loss(x.data(), 2, 3, 2, 4, dx.data()), softmax_loss(packed.data(), 1, 3, 2, 4, packed_dx.data()));
  EXPECT_EQ(dx, (std::vector<float>{packed_dx[0], 7, packed_dx[1], 7, packed_dx[2], 7}));
  EXPECT_EQ(arg_max(x.data(), 2, 3), 2);
}

TEST(ArgMax, TakesTheFirstOfSeveral) {
  const std::vector<float> x = {1, 3, 2, 3};
  EXPECT_EQ(arg_max(x.data(), 1, 4), 1);
  EXPECT_EQ(arg_max(x.data(), 1, 1), 0);
}

}  // namespace
}  // namespace qrun
