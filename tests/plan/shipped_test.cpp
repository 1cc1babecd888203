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

TEST(NetworkCosts, OfUl2qsNetworksAreThoseOfTheirRecipes) {
  struct Case {
    const char* name;
    Shape image;
    std::int64_t parameters, macs;
  };
  for (const auto& [name, image, parameters, macs] :
       {Case{"lenet_bn", {1, 28, 28}, 583242, 4267008}, Case{"cifarnet", {3, 32, 32}, 89578, 12298240},
        Case{"vgg7_64", {3, 32, 32}, 5352778, 156968960}, Case{"resnet18", {3, 224, 224}, 11693736, 1826918400}}) {
    const Total total = total_of(name, image);
    EXPECT_EQ(total.parameters, parameters) << name;
    EXPECT_EQ(total.macs, macs) << name;
  }
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
