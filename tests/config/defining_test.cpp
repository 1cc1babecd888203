// What defines a run, as text and value by value.
#include "config/defining.h"

#include <map>

#include "support.h"

namespace qrun::test {
namespace {

std::map<std::string, std::string> values_of(const std::vector<std::string>& overrides) {
  std::map<std::string, std::string> values;
  for (const auto& pair : defining_values(read(kSmall, overrides))) values.insert(pair);
  return values;
}

TEST(Defining, HasEachValueUnderItsAddress) {
  const std::map<std::string, std::string> values =
      values_of({"seed=7", "data.mean=[1, 2]", "network.conv1.quantize={weight: {method: ulq, bits: 3}}"});
  EXPECT_EQ(values.at("seed"), "7");
  EXPECT_EQ(values.at("data.mean"), "[1, 2]");
  EXPECT_EQ(values.at("train.test_every"), "null");
  EXPECT_EQ(values.at("network.conv1.quantize.weight.bits"), "3");
  EXPECT_EQ(values.at("network.conv1.quantize.bias.method"), "none") << "as a method that can be swept";
  EXPECT_EQ(values.at("precision"), "fp32") << "though it is not hashed";
}

TEST(Defining, LeavesOutWhatSaysWhereAndUnderWhichName) {
  const std::map<std::string, std::string> values = values_of({"name=other", "engine=cpu", "output.dir=x"});
  for (const char* address : {"name", "engine", "output.dir", "cluster"}) EXPECT_FALSE(values.contains(address));
}

TEST(Defining, LeavesALaterKeyOutOfTheTextWhileItHasItsDefault) {
  const std::string text = defining_text(read(kSmall));
  EXPECT_EQ(text.find("precision"), std::string::npos);
  EXPECT_EQ(defining_text(read(kSmall, {"precision=fp32"})), text);
  EXPECT_NE(defining_text(read(kSmall, {"precision=tf32"})).find("\nprecision: tf32\n"), std::string::npos);
}

}  // namespace
}  // namespace qrun::test
