#include "plan/blob.h"

#include <gtest/gtest.h>

namespace qrun {
namespace {

TEST(BlobAddress, ReadsBackFromItsText) {
  for (const Place place : {Place::kLayer, Place::kWeight, Place::kBias, Place::kActivation}) {
    for (const std::string name : {"weight", "bias", "mean", "step", "range_ema"}) {
      const BlobAddress address{"conv1", place, name};
      EXPECT_EQ(parse_blob_address(to_string(address)), address) << to_string(address);
    }
  }
}

TEST(BlobAddress, NamesTheLayersOwnBlobsWithoutAPlace) {
  EXPECT_EQ(to_string(BlobAddress{"conv1", Place::kLayer, "weight"}), "conv1/weight");
  EXPECT_EQ(to_string(BlobAddress{"conv1", Place::kWeight, "step"}), "conv1/weight.step");
  EXPECT_EQ((BlobAddress{"conv1", Place::kActivation, "range_ema"}).in_layer(), "activation.range_ema");
}

TEST(BlobAddress, RefusesWhatItDoesNotPrint) {
  for (const char* text : {"", "/", "conv1", "conv1/", "/weight", "conv1/weight.", "conv1/.step", "conv1/layer.step",
                           "conv1/weight/step", "conv1/weight.step.step", "conv1/weights.step"}) {
    EXPECT_EQ(parse_blob_address(text), std::nullopt) << text;
  }
}

TEST(BlobRole, NamesABlobInItsAddress) {
  const Blob range{.layer = "fc1", .place = Place::kActivation, .role = BlobRole::kRange, .dims = {1}};
  EXPECT_EQ(to_string(range.address()), "fc1/activation.range_ema");
  const Blob bias{.layer = "fc1", .role = BlobRole::kBias, .dims = {10}};
  EXPECT_EQ(to_string(bias.address()), "fc1/bias");
}

TEST(BlobRole, OnlyWhatIsTrainedDecaysOrIsQuantized) {
  for (const BlobRoleInfo& role : kBlobRoles) {
    EXPECT_TRUE(role.trained || !(role.decays || role.may_be_quantized)) << role.name;
    EXPECT_TRUE(role.trained || role.start.has_value()) << role.name << ": nothing is drawn for what ops move";
  }
}

}  // namespace
}  // namespace qrun
