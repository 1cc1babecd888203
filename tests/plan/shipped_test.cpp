// Sizes of the shipped networks, as their papers and recipes have them.
#include <gtest/gtest.h>

#include "config/read.h"
#include "plan/costs.h"

namespace qrun {
namespace {

struct Total {
  std::int64_t parameters = 0, macs = 0;
};

Total total_of(const std::string& name, const Shape& image) {
  const RunSpec run = read_config(std::string(QRUN_SOURCE_DIR) + "/configs/" + name + ".yaml", {}).runs.at(0);
  Total total;
  for (const LayerCost& cost : network_costs(run, image)) {
    total.parameters += cost.parameters;
    total.macs += cost.macs;
  }
  return total;
}

TEST(NetworkCosts, OfLeNetWithBatchNormAreThoseOfItsRecipe) {
  const Total total = total_of("lenet_bn", {1, 28, 28});
  EXPECT_EQ(total.parameters, 583242);
  EXPECT_EQ(total.macs, 4267008);
}

TEST(NetworkCosts, OfCifarNetAreThoseOfItsRecipe) {
  const Total total = total_of("cifarnet", {3, 32, 32});
  EXPECT_EQ(total.parameters, 89578);
  EXPECT_EQ(total.macs, 12298240);
}

TEST(NetworkCosts, OfVgg7AreThoseOfItsRecipe) {
  const Total total = total_of("vgg7_64", {3, 32, 32});
  EXPECT_EQ(total.parameters, 5352778);
  EXPECT_EQ(total.macs, 156968960);
}

TEST(NetworkCosts, OfResNet18AreThoseOfItsRecipe) {
  const Total total = total_of("resnet18", {3, 224, 224});
  EXPECT_EQ(total.parameters, 11693736);
  EXPECT_EQ(total.macs, 1826918400);
}

// Convolutions 432, 6 x 2,304, 4,608 + 5 x 9,216, 18,432 + 5 x 36,864; shortcuts 512 and 2,048; batch norms of 784
// channels; 650 at the end.
TEST(NetworkCosts, OfResNet20AreThoseOfTheSumOfItsLayers) {
  const Total total = total_of("resnet20", {3, 32, 32});
  EXPECT_EQ(total.parameters, 272474);
  EXPECT_EQ(total.macs,
            1024 * (432 + 6 * 2304) + 256 * (4608 + 5 * 9216 + 512) + 64 * (18432 + 5 * 36864 + 2048) + 640);
}

}  // namespace
}  // namespace qrun
