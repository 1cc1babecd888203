// The configurations that are shipped, and the schema of their format.
#include <nlohmann/json.hpp>

#include "config/fields/layer.h"
#include "quant/all.h"
#include "support.h"

namespace qrun::test {
namespace {

RunSpec shipped(const std::string& name, const std::vector<std::string>& overrides = {}) {
  return read_config(std::string(QRUN_SOURCE_DIR) + "/configs/" + name + ".yaml", overrides).runs.at(0);
}

TEST(Configs, Lenet2BitIsTheDocumentedJob) {
  const RunSpec run = shipped("lenet_2bit");
  EXPECT_EQ(run.name, "lenet_2bit");
  EXPECT_EQ(run.data.train.lmdb, "data/mnist/train_lmdb");
  EXPECT_EQ(run.data.train.batch_size, 64);
  EXPECT_EQ(run.data.test.batch_size, 100);
  EXPECT_EQ(run.train.epochs, 20);
  EXPECT_EQ(run.train.iterations_per_epoch, 781);
  std::vector<std::string> names;
  for (const LayerSpec& layer : run.network) {
    names.push_back(layer.name);
    const bool is_quantized = layer.name == "conv1" || layer.name == "conv2" || layer.name == "fc1";
    const int ulq = AllQuantizers::find("ulq");
    const int clip = AllQuantizers::find("clip");
    const QuantSettings none;
    EXPECT_EQ(layer.weight_quant, is_quantized ? (QuantSettings{.method = ulq, .bits = 2}) : none) << layer.name;
    EXPECT_EQ(layer.bias_quant, is_quantized ? (QuantSettings{.method = ulq, .bits = 2}) : none) << layer.name;
    EXPECT_EQ(layer.activation_quant, is_quantized ? (QuantSettings{.method = clip, .bits = 8}) : none) << layer.name;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"conv1", "pool1", "conv2", "pool2", "fc1", "relu1", "score"}));
}

TEST(Configs, Lenet2BitTakesAnotherWidth) {
  for (const std::string override : {"vars.w_bits=4", "network.*.quantize.weight.bits=4"}) {
    EXPECT_EQ(shipped("lenet_2bit", {override}).network[2].weight_quant.bits, 4) << override;
  }
}

TEST(Configs, TheFloatAndSyntheticVariantsDifferInTheirPurposeOnly) {
  EXPECT_EQ(shipped("lenet_float").text(), with(shipped("lenet_base").text(), "lenet_base", "lenet_float"));
  const RunSpec synthetic = shipped("lenet_2bit_synthetic");
  EXPECT_EQ(synthetic.name, "lenet_2bit_synthetic");
  EXPECT_EQ(synthetic.data.train.synthetic_digits, 60000);
  EXPECT_EQ(synthetic.data.test.synthetic_digits, 10000);
  EXPECT_EQ(synthetic.data.train.lmdb, "");
  EXPECT_EQ(synthetic.solver, shipped("lenet_2bit").solver);
}

TEST(Configs, TheSweepsAreTheDocumentedOnes) {
  const auto runs = [](const std::string& name) {
    return read_config(std::string(QRUN_SOURCE_DIR) + "/configs/" + name + ".yaml", {}).runs;
  };
  const std::vector<RunSpec> bits = runs("lenet_bits");
  ASSERT_EQ(bits.size(), 18U);
  EXPECT_EQ(shipped("lenet_2bit").hash(), "b657f1140408") << "stored runs are found again by it";
  EXPECT_EQ(bits[3].hash(), shipped("lenet_2bit").hash()) << "2 bits, the first seed";
  EXPECT_EQ(bits[15].hash(), shipped("lenet_float").hash()) << "none, the first seed";
  EXPECT_EQ(runs("lenet_methods").size(), 27U);
  EXPECT_EQ(runs("sweep_smoke").size(), 6U);
  EXPECT_EQ(runs("cluster_example").size(), 18U);
  EXPECT_EQ(runs("cluster_example")[0].cluster->pack, 4);
}

TEST(Schema, NamesEverythingThatCanBeChosen) {
  const nlohmann::json schema = nlohmann::json::parse(config_schema());
  EXPECT_EQ(schema.at("$schema"), "https://json-schema.org/draft/2020-12/schema");
  EXPECT_EQ(schema.at("additionalProperties"), false);
  const auto enum_of = [](const nlohmann::json& field) {
    return field.at("anyOf").at(0).at("enum").get<std::vector<std::string>>();
  };
  const nlohmann::json& solver = schema.at("properties").at("solver").at("anyOf").at(0).at("properties");
  EXPECT_EQ(enum_of(solver.at("type")),
            (std::vector<std::string>{"sgd", "nesterov", "adam", "adagrad", "rmsprop", "adadelta"}));
  EXPECT_EQ(enum_of(solver.at("lr_policy").at("anyOf").at(0).at("properties").at("type")),
            (std::vector<std::string>{"fixed", "step", "multistep", "exp", "inv", "poly", "sigmoid", "cosine"}));

  const nlohmann::json& layers = schema.at("properties").at("network").at("anyOf").at(0).at("items").at("anyOf");
  ASSERT_EQ(layers.size(), layer_types().size() + 1) << "and a variable";
  for (std::size_t i = 0; i < layer_types().size(); ++i) {
    const nlohmann::json& properties = layers[i].at("properties");
    EXPECT_EQ(properties.at("type").at("anyOf").at(0).at("const"), layer_types()[i].name);
    for (const config::Row& row : layer_types()[i].rows) {
      EXPECT_TRUE(properties.contains(row.name)) << layer_types()[i].name << " " << row.name;
    }
  }

  const nlohmann::json& quantizers = schema.at("$defs").at("quantizers").at("anyOf").at(1).at("properties");
  for (const char* const blob : {"weight", "bias", "activation"}) {
    const auto methods = enum_of(quantizers.at(blob).at("anyOf").at(1).at("properties").at("method"));
    for (const QuantInfo& info : AllQuantizers::kInfos) EXPECT_THAT(methods, testing::Contains(info.name));
  }
}

}  // namespace
}  // namespace qrun::test
