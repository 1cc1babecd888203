// The warning where accuracies depend on how many images a test takes at once.
#include "support.h"

namespace qrun::test {
namespace {

Lines warnings(const std::string& activation, const std::string& sweep) {
  Files files;
  files.write("a.yaml", with("kernel_size: 5}", "kernel_size: 5, quantize: {activation: " + activation + "}}"));
  Lines lines = files.sweep("a.yaml", {sweep}).warnings;
  for (std::string& line : lines) line = line.substr(line.find("a.yaml:"));
  return lines;
}

TEST(TestBatch, IsWarnedOfOnceWhereActivationsTakeTheirRangeFromIt) {
  const std::string sizes = "data.test.batch_size=1,10,50";
  const std::string line =
      "a.yaml:5:5: network.conv1.quantize.activation: takes its range from each batch, in testing, too";
  EXPECT_EQ(
      warnings("{method: clip, bits: 8}", sizes),
      Lines{line + " (range: batch), so that accuracies of runs with another data.test.batch_size do not compare; "
                   "keep one size, or use range: ema"});
  EXPECT_EQ(
      warnings("{method: ulq, bits: 8}", sizes),
      Lines{line + ", so that accuracies of runs with another data.test.batch_size do not compare; keep one size"});
  EXPECT_EQ(warnings("{method: clip, bits: 8, range: ema}", sizes), Lines{});
  EXPECT_EQ(warnings("{method: clip, bits: 8, range: 2.5}", sizes), Lines{});
  EXPECT_EQ(warnings("none", sizes), Lines{});
  EXPECT_EQ(warnings("{method: clip, bits: 8}", "data.train.batch_size=5,10"), Lines{});
}

}  // namespace
}  // namespace qrun::test
