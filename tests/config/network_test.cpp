// Layers: parameters, defaults, names, and how they hang together.
#include <map>

#include "config/fields/layer.h"
#include "support.h"

namespace qrun::test {
namespace {

const std::string kRelu = "  - {name: relu1, type: relu}\n";

TEST(Network, DefaultsAreFilledIn) {
  const RunSpec run = read(with(kRelu, "  - {name: pool1, type: max_pool2d, kernel_size: 3}\n"));
  const LayerSpec& conv = run.network.at(0);
  EXPECT_EQ(std::get<Conv2dLayer>(conv.params),
            (Conv2dLayer{.out_channels = 4, .kernel_size = 5, .stride = 1, .padding = 0, .groups = 1, .bias = true}));
  EXPECT_EQ(conv.input, std::vector<std::string>{"data"});
  EXPECT_EQ(conv.init, InitSpec{});
  EXPECT_EQ(conv.position.line, 5);
  EXPECT_EQ(conv.position.column, 5);
  EXPECT_EQ(std::get<MaxPool2dLayer>(run.network.at(1).params).stride, 3) << "as large as the window";
  EXPECT_EQ(run.network.at(2).input, std::vector<std::string>{"pool1"});
}

TEST(Network, EveryLayerTypeReadsItsParameters) {
  for (const LayerType& type : layer_types()) {
    LayerSpec defaults;
    defaults.params = type.defaults;
    std::map<std::string, std::string> wanted;
    for (const auto& [name, text] : config::parameter_texts(defaults)) wanted[name] = text == "true" ? "false" : "true";
    std::string keys;
    for (const config::Row& row : type.rows) {
      if (row.integers.max > 0) wanted[row.name] = std::to_string(row.integers.min + 1);
      keys += std::string(", ") + row.name + ": " + wanted[row.name];
    }
    const RunSpec run = read(with(kRelu, std::string("  - {name: it, type: ") + type.name + keys + "}\n"));
    std::map<std::string, std::string> got;
    for (const auto& [name, text] : config::parameter_texts(run.network.at(1))) got[name] = text;
    EXPECT_EQ(got, wanted) << type.name;
  }
}

TEST(Network, EveryLayerTypeMissesItsRequiredParameters) {
  for (const LayerType& type : layer_types()) {
    Lines lines;
    for (const config::Row& row : type.rows) {
      if (row.is_required)
        lines.push_back(std::string("a.yaml:6:5: network.it.") + row.name + ": is missing; " + row.about);
    }
    EXPECT_EQ(mistakes(with(kRelu, std::string("  - {name: it, type: ") + type.name + "}\n")), lines);
  }
}

TEST(Network, InitAndMultipliersAreRead) {
  const RunSpec run = read(with("kernel_size: 5}",
                                "kernel_size: 5, init: {gaussian: 0.01}, weight: {lr_mult: 2}, "
                                "bias: {lr_mult: 0.5, decay_mult: 0}}"));
  EXPECT_EQ(run.network[0].init, (InitSpec{InitType::kGaussian, 0.01}));
  EXPECT_EQ(run.network[0].weight, (ParamSpec{2, 1}));
  EXPECT_EQ(run.network[0].bias, (ParamSpec{0.5, 0}));
  EXPECT_TRUE(std::get<Conv2dLayer>(run.network[0].params).bias);
  EXPECT_EQ(read(with("kernel_size: 5}", "kernel_size: 5, init: he}")).network[0].init.type, InitType::kHe);
  EXPECT_EQ(read(with("kernel_size: 5}", "kernel_size: 5, init: {constant: -1}}")).network[0].init,
            (InitSpec{InitType::kConstant, -1}));
  const RunSpec without = read(with("kernel_size: 5}", "kernel_size: 5, bias: false}"));
  EXPECT_FALSE(std::get<Conv2dLayer>(without.network[0].params).bias);
}

TEST(Network, RejectsOtherInits) {
  const std::string wanted = "xavier, he, {gaussian: deviation} or {constant: value}";
  expect_mistakes({
      {"kernel_size: 5",
       "kernel_size: 5, init: msra",
       {"a.yaml:5:72: network.conv1.init: msra is not known; " + wanted}},
      {"kernel_size: 5",
       "kernel_size: 5, init: {}",
       {"a.yaml:5:72: network.conv1.init: is not one of the two; " + wanted}},
      {"kernel_size: 5",
       "kernel_size: 5, init: {gaussian: 1, constant: 1}",
       {"a.yaml:5:72: network.conv1.init: gives both gaussian and constant; keep one, or set the other to null"}},
      {"kernel_size: 5",
       "kernel_size: 5, init: {gaussian: null}",
       {"a.yaml:5:72: network.conv1.init: is not one of the two; " + wanted}},
      {"kernel_size: 5",
       "kernel_size: 5, init: {gaussian: -1}",
       {"a.yaml:5:83: network.conv1.init.gaussian: -1 is outside [0, inf)"}},
      {"kernel_size: 5",
       "kernel_size: 5, init: {gausian: 1}",
       {"a.yaml:5:73: network.conv1.init.gausian: unknown key; did you mean gaussian?"}},
  });
}

TEST(Network, NamesAreRequiredUniqueAndPlain) {
  expect_mistakes({
      {"name: relu1",
       "name: conv1",
       {"a.yaml:6:12: network.conv1.name: conv1 is the name of two layers, the first in line 5; choose another"}},
      {"name: relu1",
       "name: a.b",
       {"a.yaml:6:12: network.a.b.name: a.b is not a name; use up to 100 letters, digits, _ and -"}},
      {"name: relu1", "name: data", {"a.yaml:6:12: network.data.name: data is the name of the images; choose another"}},
      {"name: relu1, ", "", {"a.yaml:6:5: network[1].name: is missing; letters, digits, _ and -; unique"}},
      {"{name: relu1, type: relu}",
       "{name: relu1}",
       {"a.yaml:6:5: network.relu1.type: is missing; what the layer computes"}},
      {"{name: relu1, type: relu}",
       "relu",
       {"a.yaml:6:5: network[1]: relu is a single value; a map with name and type is wanted"}},
  });
}

TEST(Network, InputsNameLayersBefore) {
  const RunSpec run = read(with("type: relu}", "type: relu, input: [conv1]}"));
  EXPECT_EQ(run.network[1].input, std::vector<std::string>{"conv1"});
  expect_mistakes({
      {"type: relu",
       "type: relu, input: conv",
       {"a.yaml:6:38: network.relu1.input: no layer is called conv; did you mean conv1?"}},
      {"type: relu",
       "type: relu, input: score",
       {"a.yaml:6:38: network.relu1.input: score does not come before relu1; move it up, or take another"}},
      {"type: relu",
       "type: relu, input: relu1",
       {"a.yaml:6:38: network.relu1.input: relu1 does not come before relu1; move it up, or take another"}},
      {"type: relu",
       "type: relu, input: [conv1, data]",
       {"a.yaml:6:38: network.relu1.input: relu takes one input, not 2; name one layer"}},
      {"type: relu",
       "type: relu, input: []",
       {"a.yaml:6:38: network.relu1.input: relu takes one input, not 0; name one layer"}},
  });
}

TEST(Network, EveryLayerLeadsToTheLoss) {
  expect_mistakes({
      {"out_features: 10",
       "out_features: 10, input: conv1",
       {"a.yaml:6:5: network.relu1: does not reach the loss; let a later layer take it as input, or remove it"}},
      {"type: relu",
       "type: relu, input: data",
       {"a.yaml:5:5: network.conv1: does not reach the loss; let a later layer take it as input, or remove it"}},
  });
}

TEST(Network, AnInputThatWasNotReadMakesNoOtherMistake) {
  const std::string split =
      "\n  - {name: a, type: relu, input: conv1}\n  - {name: b, type: relux, input: relu1}\n"
      "  - {name: c, type: relu, input: a}";
  EXPECT_EQ(
      mistakes(with("name: relu1, type: relu}", "name: relu1, type: relu}" + with(split, "relux", "relu"))),
      (Lines{"a.yaml:6:5: network.relu1: does not reach the loss; let a later layer take it as input, or remove it",
             "a.yaml:8:5: network.b: does not reach the loss; let a later layer take it as input, or remove it"}));
  EXPECT_EQ(mistakes(with("name: relu1, type: relu}", "name: relu1, type: relu}" + split)),
            Lines{"a.yaml:8:21: network.b.type: relux is not known; did you mean relu?"});
}

TEST(Network, IsAListOfLayers) {
  const std::string layers = kSmall.substr(kSmall.find("network"), kSmall.find("solver") - kSmall.find("network"));
  expect_mistakes({
      {layers, "network: []\n", {"a.yaml:4:10: network: is an empty list; give at least one layer"}},
      {layers, "network: {}\n", {"a.yaml:4:10: network: is a map; a list of layers is wanted"}},
      {layers, "network: lenet\n", {"a.yaml:4:10: network: lenet is a single value; a list of layers is wanted"}},
  });
}

}  // namespace
}  // namespace qrun::test
