#include "store/network_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "plan/lower.h"
#include "support.h"

namespace qrun::test {
namespace {

/// conv 2 of 5x5 with 2-bit weights, pooling, linear 10, on 1x12x12.
RunSpec small_network() {
  RunSpec spec;
  LayerSpec conv{.name = "conv1", .input = {"data"}, .params = Conv2dLayer{.out_channels = 2, .kernel_size = 5}};
  conv.weight_quant = settings_of("ulq", 2);
  LayerSpec pool{.name = "pool1", .input = {"conv1"}, .params = MaxPool2dLayer{.kernel_size = 2, .stride = 2}};
  LayerSpec score{.name = "score", .input = {"pool1"}, .params = LinearLayer{.out_features = 10}};
  spec.network = {conv, pool, score};
  return spec;
}

TEST(NetworkJson, HoldsShapesAndCostsOfEachLayer) {
  const nlohmann::json json = nlohmann::json::parse(network_json(small_network(), {1, 12, 12}));
  EXPECT_EQ(json.at("input_shape"), nlohmann::json::array({1, 12, 12}));
  ASSERT_EQ(json.at("layers").size(), 3);
  const nlohmann::json& conv = json["layers"][0];
  EXPECT_EQ(conv.at("name"), "conv1");
  EXPECT_EQ(conv.at("type"), "conv2d");
  EXPECT_EQ(conv.at("input"), nlohmann::json::array({"data"}));
  EXPECT_EQ(conv.at("params").at("kernel_size"), 5);
  EXPECT_EQ(conv.at("params").at("bias"), 1) << "a number in files";
  EXPECT_EQ(conv.at("input_shape"), nlohmann::json::array({1, 12, 12}));
  EXPECT_EQ(conv.at("output_shape"), nlohmann::json::array({2, 8, 8}));
  EXPECT_EQ(conv.at("bits"), (nlohmann::json{{"weight", 2}, {"bias", 32}, {"activation", 32}}));
  EXPECT_EQ(conv.at("signed"), (nlohmann::json{{"weight", 1}, {"bias", 1}, {"activation", 1}}));
  EXPECT_EQ(json["layers"][1].at("signed"), (nlohmann::json{{"activation", 1}}));
  EXPECT_EQ(conv.at("parameters"), 2 * 25 + 2);
  EXPECT_EQ(conv.at("macs"), 50 * 64);
  EXPECT_EQ(conv.at("bit_operations"), 50 * 64 * 2 * 32);
  EXPECT_EQ(conv.at("model_bits_float"), 32 * 52);
  EXPECT_EQ(conv.at("model_bits"), 2 * 50 + 64 + 32 * 2) << "2-bit codes, a scale, an offset, float biases";
  EXPECT_EQ(json["layers"][1].at("output_shape"), nlohmann::json::array({2, 4, 4}));
}

TEST(NetworkJson, HasBothSidesWhereTheyDiffer) {
  RunSpec spec = small_network();
  auto& conv = std::get<Conv2dLayer>(spec.network[0].params);
  conv.kernel_size = {5, 3};
  conv.dilation = {1, 2};
  const nlohmann::json json = nlohmann::json::parse(network_json(spec, {1, 12, 12}));
  EXPECT_EQ(json["layers"][0].at("params").at("kernel_size"), nlohmann::json::array({5, 3}));
  EXPECT_EQ(json["layers"][0].at("params").at("dilation"), nlohmann::json::array({1, 2}));
  EXPECT_EQ(json["layers"][0].at("params").at("stride"), 1);
  EXPECT_EQ(json["layers"][0].at("macs"), 2 * 15 * 64);
}

TEST(NetworkJson, NamesChoicesAsText) {
  RunSpec spec = small_network();
  spec.network[1].params = LrnLayer{.size = 3, .region = LrnRegion::kWithin};
  const nlohmann::json json = nlohmann::json::parse(network_json(spec, {1, 12, 12}));
  EXPECT_EQ(json.at("layers")[1].at("params").at("region"), "within");
  EXPECT_EQ(json.at("layers")[1].at("params").at("size"), 3);
  EXPECT_FALSE(json.at("layers")[1].at("params").contains("k"));
}

TEST(NetworkJson, AddsUpItsLayers) {
  const nlohmann::json json = nlohmann::json::parse(network_json(small_network(), {1, 12, 12}));
  for (const char* key : {"parameters", "macs", "bit_operations", "model_bits_float", "model_bits"}) {
    std::int64_t sum = 0;
    for (const nlohmann::json& layer : json.at("layers")) sum += layer.at(key).get<std::int64_t>();
    EXPECT_EQ(json.at(key), sum) << key;
  }
  EXPECT_EQ(json.at("parameters"), 52 + 32 * 10 + 10);
}

}  // namespace
}  // namespace qrun::test
