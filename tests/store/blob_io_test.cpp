#include "store/blob_io.h"

#include "support.h"

namespace qrun::test {
namespace {

using testing::ElementsAre;

using BlobIoTest = FolderTest;

TEST_F(BlobIoTest, PacksLevelsFromTheLowestBit) {
  EXPECT_THAT(pack_codes({-2, -1, 0, 1, 1}, 2), ElementsAre(0b11100100, 0b11));
  EXPECT_THAT(pack_codes({-1, 0, 0, -1, 0}, 1), ElementsAre(0b10110));
  EXPECT_THAT(pack_codes({-4, 3, 1}, 3), ElementsAre(0b01111000, 0b1)) << "levels 0, 7, 5 across a byte";
  EXPECT_THAT(pack_codes({}, 3), ElementsAre());
}

TEST_F(BlobIoTest, UnpacksWhatItPacked) {
  for (int bits = 1; bits < 8; ++bits) {
    std::vector<std::int32_t> codes;
    for (std::uint64_t i = 0; i < 1000; ++i)
      codes.push_back(static_cast<std::int32_t>(random_below(1, 2, i, 1U << bits)) - (1 << (bits - 1)));
    EXPECT_EQ(unpack_codes(pack_codes(codes, bits), bits, codes.size()), codes) << bits << " bits";
  }
}

TEST_F(BlobIoTest, ChoosesTheSmallestInteger) {
  const h5::File file = h5::File::create(path("x.h5"));
  const auto bytes = [&](const char* name, int bits) {
    write_integers(file.root(), name, {1, -1}, bits, {2});
    const h5::Handle set(H5Dopen2(file.root().id(), name, H5P_DEFAULT), H5Dclose);
    return H5Tget_size(h5::Handle(H5Dget_type(set.get()), H5Tclose).get());
  };
  EXPECT_EQ(bytes("a", 1), 1);
  EXPECT_EQ(bytes("b", 8), 1);
  EXPECT_EQ(bytes("c", 9), 2);
  EXPECT_EQ(bytes("d", 16), 2);
  EXPECT_EQ(bytes("e", 17), 4);
}

TEST_F(BlobIoTest, PacksOnlyBelowEightBits) {
  const h5::File file = h5::File::create(path("x.h5"));
  for (const int bits : {2, 7, 8}) {
    const QuantSettings settings = settings_of("clip", bits);
    const StoredBlob blob = quantized_blob("a", "weight", {4, 5}, settings, 1);
    const h5::Group group = file.root().create(std::to_string(bits));
    write_codes(group, settings, blob.quantized, blob.dims);
    EXPECT_EQ(group.has("packed"), bits < 8) << bits << " bits";
  }
}

TEST_F(BlobIoTest, WritesTheNumbersOfEachMethod) {
  const h5::File file = h5::File::create(path("x.h5"));
  for (const QuantInfo& info : AllQuantizers::kInfos) {
    const std::string name = info.name;
    const QuantSettings settings = settings_of(info.name, info.fixed_bits != 0 ? info.fixed_bits : 4);
    const StoredBlob blob = quantized_blob("a", "weight", {4, 5}, settings, 1);
    const h5::Group group = file.root().create(name);
    write_codes(group, settings, blob.quantized, blob.dims);
    const h5::Group codes = group.object("codes");
    EXPECT_EQ(codes.text("method"), name);
    EXPECT_EQ(codes.text("rounding"), "half away from zero");
    EXPECT_EQ(codes.text("formula"), "value = scale * code + offset");
    EXPECT_EQ(codes.number<std::int64_t>("code_bits"), name.starts_with("ternary") ? 2 : 4) << name;
    EXPECT_EQ(codes.number<std::int64_t>("code_bias"), name == "ulq" ? 1 : 0) << name;
    EXPECT_EQ(codes.has_attribute("lambda"), name == "ulq") << name;
    EXPECT_EQ(codes.has_attribute("delta"), name == "ulq" || name.starts_with("ternary")) << name;
    EXPECT_EQ(codes.has_attribute("fixedpos"), name == "dynamic_fixed_point" || name == "ternary_quantize") << name;
    EXPECT_EQ(codes.has_attribute("alpha_int"), name == "ternary_quantize") << name;
    EXPECT_EQ(codes.number<double>("alpha"), blob.quantized.params[0].alpha) << name;
  }
}

TEST_F(BlobIoTest, GivesEachChannelItsNumbers) {
  const h5::File file = h5::File::create(path("x.h5"));
  const QuantSettings settings = settings_of("ternary_quantize", 5, true);
  const StoredBlob blob = quantized_blob("a", "weight", {4, 5}, settings, 1);
  const h5::Group group = file.root().create("w");
  write_codes(group, settings, blob.quantized, blob.dims);
  const h5::Group codes = group.object("codes");
  EXPECT_EQ(codes.number<std::int8_t>("per_channel"), 1);
  EXPECT_EQ(codes.numbers<float>("scale").size(), 4);
  EXPECT_EQ(codes.numbers<float>("offset").size(), 4);
  EXPECT_EQ(codes.numbers<double>("alpha").size(), 4);
  EXPECT_EQ(codes.numbers<double>("delta").size(), 4);
  EXPECT_EQ(codes.numbers<std::int64_t>("fixedpos").size(), 4);
  EXPECT_EQ(codes.numbers<std::int64_t>("alpha_int").size(), 4);
}

}  // namespace
}  // namespace qrun::test
