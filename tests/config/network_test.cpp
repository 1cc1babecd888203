// Layers: parameters, defaults, names, and how they hang together.
#include <map>

#include "config/fields/init.h"
#include "support.h"

namespace qrun::test {
namespace {

const std::string kRelu = "  - {name: relu1, type: relu}\n";

/// A value of the same kind, which every parameter of that kind may have.
std::string other_than(const std::string& text) {
  if (text == "true" || text == "false") return text == "true" ? "false" : "true";
  return text == "[]" ? "[0.5, -1]" : "0.25";
}

/// What a type needs to be told of its inputs.
std::string inputs(const LayerType& type) { return type.takes_several ? ", input: [conv1, data]" : ""; }

TEST(Network, DefaultsAreFilledIn) {
  const RunSpec run = read(with(kRelu, "  - {name: pool1, type: max_pool2d, kernel_size: 3}\n"));
  const LayerSpec& conv = run.network.at(0);
  EXPECT_EQ(std::get<Conv2dLayer>(conv.params),
            (Conv2dLayer{.out_channels = 4, .kernel_size = 5, .stride = 1, .padding = 0, .groups = 1, .bias = true}));
  EXPECT_EQ(conv.input, std::vector<std::string>{"data"});
  EXPECT_EQ(config::init_of(conv, config::Blob::kWeight), InitSpec{});
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
    for (const auto& [name, text] : config::parameter_texts(defaults)) wanted[name] = other_than(text);
    std::string keys;
    const std::string_view size = "size";  // which is odd
    for (const config::Row& row : type.rows) {
      if (type.name == std::string_view("batch_norm2d") && row.name == std::string_view("affine"))
        wanted[row.name] = "true";  // else there is no bias to read
      if (type.name == std::string_view("lrn") && row.name == std::string_view("region"))
        wanted[row.name] = "across";  // else there is no k
      if (row.integers.max > 0) wanted[row.name] = std::to_string(row.integers.min + (row.name == size ? 2 : 1));
      keys += std::string(", ") + row.name + ": " + wanted[row.name];
    }
    const RunSpec run =
        read(with(kRelu, std::string("  - {name: it, type: ") + type.name + inputs(type) + keys + "}\n"));
    std::map<std::string, std::string> got;
    for (const auto& [name, text] : config::parameter_texts(run.network.at(1))) got[name] = text;
    EXPECT_EQ(got, wanted) << type.name;
  }
}

TEST(Network, ANumberOfAKernelStandsForHeightAndWidth) {
  const auto conv = [](const std::string& keys) {
    return std::get<Conv2dLayer>(read(with("kernel_size: 5", keys)).network[0].params);
  };
  EXPECT_EQ(conv("kernel_size: 3"), (Conv2dLayer{.out_channels = 4, .kernel_size = {3, 3}}));
  EXPECT_EQ(
      conv("kernel_size: [3, 5], stride: [1, 2], padding: [0, 4], dilation: [2, 1]"),
      (Conv2dLayer{.out_channels = 4, .kernel_size = {3, 5}, .stride = {1, 2}, .padding = {0, 4}, .dilation = {2, 1}}));
  EXPECT_EQ(std::get<Conv2dLayer>(read(kSmall, {"network.conv1.kernel_size=[3, 5]"}).network[0].params).kernel_size,
            (Sides{3, 5}));
}

TEST(Network, AWindowStepsByItsOwnSides) {
  const RunSpec run = read(with(kRelu, "  - {name: pool1, type: max_pool2d, kernel_size: [2, 3]}\n"));
  EXPECT_EQ(std::get<MaxPool2dLayer>(run.network.at(1).params),
            (MaxPool2dLayer{.kernel_size = {2, 3}, .stride = {2, 3}}));
}

TEST(Network, EqualSidesAreTheSameRunAsTheirNumber) {
  const RunSpec number = read(with("kernel_size: 5", "kernel_size: 3, padding: 1"));
  const RunSpec pair = read(with("kernel_size: 5", "kernel_size: [3, 3], padding: [1, 1], dilation: 1"));
  EXPECT_EQ(pair.text(), number.text());
  EXPECT_EQ(pair.id(), number.id());
  EXPECT_NE(read(with("kernel_size: 5", "kernel_size: 3, padding: 1, dilation: 2")).id(), number.id());
  EXPECT_NE(read(with("kernel_size: 5", "kernel_size: [3, 1], padding: 1")).id(), number.id());
}

TEST(Network, RejectsOtherSides) {
  expect_mistakes({
      {"kernel_size: 5",
       "kernel_size: [3, 3, 3]",
       {"a.yaml:5:63: network.conv1.kernel_size: has 3 values; give one integer, or [h, w]"}},
      {"kernel_size: 5",
       "kernel_size: [3]",
       {"a.yaml:5:63: network.conv1.kernel_size: has 1 value; give one integer, or [h, w]"}},
      {"kernel_size: 5",
       "kernel_size: {h: 3}",
       {"a.yaml:5:63: network.conv1.kernel_size: is a map; an integer is wanted, or [h, w]"}},
      {"kernel_size: 5",
       "kernel_size: [0, 2.5]",
       {"a.yaml:5:64: network.conv1.kernel_size[0]: 0 is outside [1, 1048576]",
        "a.yaml:5:67: network.conv1.kernel_size[1]: 2.5 is not an integer; write one in decimal or 0x"}},
  });
}

TEST(Network, EveryLayerTypeMissesItsRequiredParameters) {
  for (const LayerType& type : layer_types()) {
    Lines lines;
    for (const config::Row& row : type.rows) {
      if (row.is_required)
        lines.push_back(std::string("a.yaml:6:5: network.it.") + row.name + ": is missing; " + row.about);
    }
    EXPECT_EQ(mistakes(with(kRelu, std::string("  - {name: it, type: ") + type.name + inputs(type) + "}\n")), lines);
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
  EXPECT_EQ(read(with("kernel_size: 5}", "kernel_size: 5, init: he}")).network[0].init, InitSpec{InitType::kHe});
  EXPECT_EQ(read(with("kernel_size: 5}", "kernel_size: 5, init: {constant: -1}}")).network[0].init,
            (InitSpec{InitType::kConstant, -1}));
  const RunSpec without = read(with("kernel_size: 5}", "kernel_size: 5, bias: false}"));
  EXPECT_FALSE(std::get<Conv2dLayer>(without.network[0].params).bias);
}

TEST(Network, RejectsOtherInits) {
  const std::string others = "{gaussian: deviation}, {uniform: [low, high]} or {constant: value}";
  const std::string wanted = "xavier, he, " + others;
  expect_mistakes({
      {"kernel_size: 5",
       "kernel_size: 5, init: msra",
       {"a.yaml:5:72: network.conv1.init: msra is not known; " + wanted}},
      {"kernel_size: 5", "kernel_size: 5, init: {}", {"a.yaml:5:72: network.conv1.init: says nothing; " + wanted}},
      {"kernel_size: 5",
       "kernel_size: 5, init: {gaussian: 1, constant: 1}",
       {"a.yaml:5:72: network.conv1.init: gives both gaussian and constant; keep one, or set the other to null"}},
      {"kernel_size: 5",
       "kernel_size: 5, init: {gaussian: null}",
       {"a.yaml:5:72: network.conv1.init: says nothing; " + wanted}},
      {"kernel_size: 5",
       "kernel_size: 5, init: {gaussian: -1}",
       {"a.yaml:5:83: network.conv1.init.gaussian: -1 is outside [0, inf)"}},
      {"kernel_size: 5",
       "kernel_size: 5, init: {gausian: 1}",
       {"a.yaml:5:73: network.conv1.init.gausian: unknown key; did you mean gaussian?"}},
      {"kernel_size: 5",
       "kernel_size: 5, init: {he: fan_on}",
       {"a.yaml:5:77: network.conv1.init.he: fan_on is not known; did you mean fan_in?"}},
      {"kernel_size: 5",
       "kernel_size: 5, init: {uniform: [1, -1]}",
       {"a.yaml:5:82: network.conv1.init.uniform: ends below its beginning; give the lower number first"}},
      {"kernel_size: 5",
       "kernel_size: 5, init: {uniform: 1}",
       {"a.yaml:5:82: network.conv1.init.uniform: 1 is a single value; a list of two numbers, the ends, is wanted"}},
      {"kernel_size: 5",
       "kernel_size: 5, init: {uniform: [1]}",
       {"a.yaml:5:82: network.conv1.init.uniform: is a list; a list of two numbers, the ends, is wanted"}},
      {"kernel_size: 5",
       "kernel_size: 5, init: {he: fan_in, mean: 1}",
       {"a.yaml:5:91: network.conv1.init.mean: is of a gaussian; he has none"}},
      {"kernel_size: 5",
       "kernel_size: 5, init: {mean: 1}",
       {"a.yaml:5:79: network.conv1.init.mean: is of a gaussian; give that, too"}},
      {"kernel_size: 5",
       "kernel_size: 5, init: {gaussian: 1, sparse: 5}",
       {"a.yaml:5:94: network.conv1.init.sparse: 5 of 4 outputs is more than all; at most 4"}},
      {"kernel_size: 5",
       "kernel_size: 5, init: he, weight: {init: xavier}",
       {"a.yaml:5:91: network.conv1.weight.init: is given by the layer's own init, too; keep one of them"}},
      {"kernel_size: 5",
       "kernel_size: 5, bias: {init: he}",
       {"a.yaml:5:79: network.conv1.bias.init: he is not known; " + others}},
      {"kernel_size: 5",
       "kernel_size: 5, bias: {init: {gaussian: 1, sparse: 2}}",
       {"a.yaml:5:101: network.conv1.bias.init.sparse: is for weights of conv2d and linear; " + others}},
      {"type: relu",
       "type: batch_norm2d, weight: {init: {xavier: fan_in}}",
       {"a.yaml:6:63: network.relu1.weight.init.xavier: is for weights of conv2d and linear; " + others}},
  });
}

TEST(Network, EveryInitReadsBack) {
  const auto init = [](const std::string& text) {
    const RunSpec run = read(with("kernel_size: 5}", "kernel_size: 5, init: " + text + "}"));
    EXPECT_EQ(read(run.text()).text(), run.text());
    EXPECT_EQ(read(run.text()).network[0].init, run.network[0].init) << text;
    return run.network[0].init.value();
  };
  EXPECT_EQ(init("{xavier: fan_out}"), (InitSpec{.type = InitType::kXavier, .fan = Fan::kOut}));
  EXPECT_EQ(init("{he: average}"), (InitSpec{.type = InitType::kHe, .fan = Fan::kAverage}));
  EXPECT_EQ(init("{uniform: [-0.5, 0.25]}"), (InitSpec{.type = InitType::kUniform, .value = -0.5, .high = 0.25}));
  EXPECT_EQ(init("{gaussian: 0.5, mean: 1, sparse: 3}"),
            (InitSpec{.type = InitType::kGaussian, .value = 0.5, .mean = 1, .sparse = 3}));
  EXPECT_EQ(init("{gaussian: 0.5, mean: 0, sparse: null}"), (InitSpec{.type = InitType::kGaussian, .value = 0.5}));
}

TEST(Network, AnInitBelowItsBlobIsTheSameRun) {
  const std::string plain = read(kSmall).hash();
  const auto hash_with = [](const std::string& keys) {
    return read(with("kernel_size: 5}", "kernel_size: 5, " + keys + "}")).hash();
  };
  EXPECT_EQ(hash_with("init: {xavier: fan_in}"), plain);
  EXPECT_EQ(hash_with("weight: {init: xavier}, bias: {init: {constant: 0}}"), plain);
  EXPECT_EQ(hash_with("init: null, weight: {init: null}, bias: {init: null}"), plain);
  EXPECT_EQ(hash_with("weight: {init: {he: fan_out}}"), hash_with("init: {he: fan_out}"));
  EXPECT_NE(hash_with("bias: {init: {constant: 0.5}}"), plain);
  const auto norm = [](const std::string& keys) {
    return read(with("type: relu", "type: batch_norm2d, " + keys)).hash();
  };
  EXPECT_EQ(norm("weight: {init: {constant: 1}}"), norm("bias: {init: {constant: 0}}"));
  EXPECT_NE(norm("weight: {init: {constant: 0}}"), norm("eps: 1e-5"));
  const auto prelu = [](const std::string& keys) { return read(with("type: relu", "type: prelu" + keys)).hash(); };
  EXPECT_EQ(prelu(", weight: {init: {constant: 0.25}}"), prelu(""));
  EXPECT_NE(prelu(", weight: {init: {uniform: [0, 0.5]}}"), prelu(""));
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

TEST(Network, ASumHasACoefficientForEachInput) {
  const auto sum = [](const std::string& keys) {
    return with(kRelu, kRelu + "  - {name: sum, type: add" + keys + "}\n");
  };
  const auto coefficients = [&sum](const std::string& keys) {
    return std::get<AddLayer>(read(sum(keys)).network[2].params).coefficients;
  };
  EXPECT_EQ(coefficients(", input: [conv1, relu1]"), (std::vector<double>{1, 1}));
  EXPECT_EQ(coefficients(", input: [conv1, relu1, conv1], coefficients: [1, -0.5, 2]"),
            (std::vector<double>{1, -0.5, 2}));
  EXPECT_EQ(read(sum(", input: [conv1, relu1]")).hash(),
            read(sum(", input: [conv1, relu1], coefficients: [1, 1]")).hash());
  EXPECT_EQ(mistakes(sum("")),
            Lines{"a.yaml:7:5: network.sum: add takes two inputs or more; name them, input: [a, b]"});
  EXPECT_EQ(mistakes(sum(", input: relu1")),
            Lines{"a.yaml:7:35: network.sum.input: add takes two inputs or more, not 1; name the layers in a list"});
  EXPECT_EQ(mistakes(sum(", input: [conv1, relu2]")),
            Lines{"a.yaml:7:35: network.sum.input: no layer is called relu2; did you mean relu1?"});
  EXPECT_EQ(mistakes(sum(", input: [conv1, relu1], coefficients: [1]")),
            Lines{"a.yaml:7:65: network.sum.coefficients: 1 coefficients for 2 inputs; give one an input"});
  EXPECT_EQ(mistakes(sum(", input: [conv1, relu1], coefficients: []")),
            Lines{"a.yaml:7:65: network.sum.coefficients: is an empty list; give one number an input"});
  EXPECT_EQ(mistakes(sum(", input: [conv1, relu1], coefficients: 2")),
            Lines{"a.yaml:7:65: network.sum.coefficients: 2 is a single value; a list of numbers is wanted"});
}

TEST(Network, ABatchNormHasAWeightAndABiasUnlessItIsNotAffine) {
  const auto norm = [](const std::string& keys) { return with("type: relu", "type: batch_norm2d" + keys); };
  const auto read_norm = [&norm](const std::string& keys) {
    return std::get<BatchNorm2dLayer>(read(norm(keys)).network[1].params);
  };
  EXPECT_EQ(read_norm(""), (BatchNorm2dLayer{.eps = 1e-5, .momentum = 0.1}));
  EXPECT_EQ(read_norm(", eps: 1.0e-3, momentum: 0, bias: false"),
            (BatchNorm2dLayer{.eps = 1e-3, .momentum = 0, .bias = false}));
  const RunSpec run = read(norm(", weight: {decay_mult: 0}, bias: {lr_mult: 2}"));
  EXPECT_EQ(run.network[1].weight, (ParamSpec{1, 0}));
  EXPECT_EQ(run.network[1].bias, (ParamSpec{2, 1}));
  EXPECT_EQ(read(run.text()).text(), run.text());
  const RunSpec plain = read(norm(", affine: false"));
  EXPECT_EQ(read(plain.text()).text(), plain.text());
  expect_mistakes({
      {"type: relu",
       "type: batch_norm2d, affine: false, weight: {lr_mult: 2}",
       {"a.yaml:6:62: network.relu1.weight: affine: false leaves no weight; leave it out"}},
      {"type: relu",
       "type: batch_norm2d, momentum: 1.5",
       {"a.yaml:6:49: network.relu1.momentum: 1.5 is outside [0, 1]"}},
      {"type: relu", "type: batch_norm2d, eps: 0", {"a.yaml:6:44: network.relu1.eps: 0 is outside (0, inf)"}},
      {"type: relu",
       "type: batch_norm2d, init: he",
       {"a.yaml:6:39: network.relu1.init: unknown key; one of name, type, input, eps, momentum, affine, frozen, "
        "weight, bias, quantize"}},
      {"type: relu",
       "type: batch_norm2d, affine: false, quantize: {weight: {method: ulq, bits: 2}}",
       {"a.yaml:6:73: network.relu1.quantize.weight: relu1 has no weight; remove the quantizer"}},
  });
}

TEST(Network, APatternQuantizesWeightsOfProductsAlone) {
  const std::string patterns =
      "quantize:\n  \"*\": {weight: {method: ulq, bits: 2}, activation: {method: clip, bits: 8}}\n";
  const RunSpec run = read(with("type: relu", "type: batch_norm2d") + patterns);
  EXPECT_NE(run.network[0].weight_quant.method, kNoQuantizer);
  EXPECT_EQ(run.network[1].weight_quant.method, kNoQuantizer);
  EXPECT_NE(run.network[1].activation_quant.method, kNoQuantizer);
  const RunSpec own =
      read(with("type: relu", "type: batch_norm2d, quantize: {weight: {method: clip, bits: 8}}") + patterns);
  EXPECT_NE(own.network[1].weight_quant.method, kNoQuantizer);
}

TEST(Network, ReadsWhatLayersOfScaledChannelsTake) {
  const RunSpec scale = read(with("type: relu", "type: scale, weight: {decay_mult: 0}, bias: {lr_mult: 2}"));
  EXPECT_EQ(scale.network[1].weight, (ParamSpec{1, 0}));
  EXPECT_EQ(scale.network[1].bias, (ParamSpec{2, 1}));
  EXPECT_EQ(read(scale.text()).text(), scale.text());
  const RunSpec prelu =
      read(with("type: relu", "type: prelu, shared: true, quantize: {weight: {method: clip, bits: 8}}") +
           "quantize:\n  \"*\": {weight: {method: ulq, bits: 2}}\n");
  EXPECT_EQ(prelu.network[1].weight_quant.bits, 8) << "its own entry, no pattern";
  EXPECT_EQ(read(scale.text()).network[1].weight_quant.method, kNoQuantizer);
  EXPECT_EQ(read(prelu.text()).text(), prelu.text());
  expect_mistakes({{"type: relu",
                    "type: prelu, quantize: {bias: {method: ulq, bits: 2}}",
                    {"a.yaml:6:49: network.relu1.quantize.bias: relu1 has no bias; remove the quantizer"}}});
}

TEST(Network, ANormalizationHasAnOddSizeAndWithinAChannelNoK) {
  const RunSpec run = read(with("type: relu", "type: lrn, size: 3, region: within"));
  EXPECT_EQ(std::get<LrnLayer>(run.network[1].params), (LrnLayer{.size = 3, .region = LrnRegion::kWithin}));
  EXPECT_EQ(read(run.text()).text(), run.text());
  expect_mistakes({
      {"type: relu",
       "type: lrn, size: 4",
       {"a.yaml:6:36: network.relu1.size: 4 is even and has no middle; use an odd size"}},
      {"type: relu",
       "type: lrn, k: 2, region: within",
       {"a.yaml:6:33: network.relu1.k: region: within adds 1 to its squares, as Caffe does; leave k out"}},
      {"type: relu", "type: lrn, k: 0", {"a.yaml:6:33: network.relu1.k: 0 is outside (0, inf)"}},
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
