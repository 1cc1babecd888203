#include "math/relu.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace qrun {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(Relu, PassesWhatIsPositive) {
  EXPECT_EQ(relu(1.5F), 1.5F);
  EXPECT_EQ(relu(kInfinity), kInfinity);
  EXPECT_EQ(relu(-1.5F), 0.0F);
  EXPECT_FALSE(std::signbit(relu(-0.0F)));
}

TEST(Relu, PassesNan) { EXPECT_TRUE(std::isnan(relu(kNan))); }

TEST(Relu, GradientFollowsTheOutput) {
  EXPECT_EQ(relu_gradient(1.5F, -2.0F), -2.0F);
  EXPECT_EQ(relu_gradient(0.0F, -2.0F), 0.0F);
  EXPECT_EQ(relu_gradient(0.0F, kNan), 0.0F);
  EXPECT_TRUE(std::isnan(relu_gradient(1.5F, kNan)));
}

}  // namespace
}  // namespace qrun
