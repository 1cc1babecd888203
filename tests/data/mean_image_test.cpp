// Mean images: the files of Caffe, the mean of a training set, and what a run's data make of them.
#include "data/mean_image.h"

#include <gmock/gmock.h>

#include <fstream>
#include <limits>

#include "data/import/import.h"
#include "data/mean_image.pb.h"
#include "data/support.h"

namespace qrun {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

proto::BlobProto blob(std::int32_t c, std::int32_t h, std::int32_t w, const std::vector<float>& values) {
  proto::BlobProto blob;
  blob.set_num(1);
  blob.set_channels(c);
  blob.set_height(h);
  blob.set_width(w);
  blob.mutable_data()->Add(values.begin(), values.end());
  return blob;
}

void write(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

TEST(MeanImage, ReadsWhatItWrites) {
  const TemporaryFolder tmp;
  const MeanImage image{{1, 2, 3}, {1, 2.5F, -3, 4, 5, 1e-20F}};
  write_mean_image(tmp / "mean", image);
  EXPECT_EQ(read_mean_image(tmp / "mean").shape, image.shape);
  EXPECT_EQ(read_mean_image(tmp / "mean").values, image.values);
  EXPECT_EQ(hash_of(read_mean_image(tmp / "mean")), hash_of(image));
}

TEST(MeanImage, TakesBothFormsOfAShapeAndDoubles) {
  const TemporaryFolder tmp;
  proto::BlobProto newer;
  for (const std::int64_t side : {1, 2, 1, 2}) newer.mutable_shape()->add_dim(side);
  for (const double value : {1.0, 2.0, 3.0, 0.1}) newer.add_double_data(value);
  write(tmp / "mean", newer.SerializeAsString());
  EXPECT_EQ(read_mean_image(tmp / "mean").shape, (Shape{2, 1, 2}));
  EXPECT_THAT(read_mean_image(tmp / "mean").values, ElementsAre(1, 2, 3, 0.1F));
}

TEST(MeanImage, RefusesWhatIsNoneByName) {
  const TemporaryFolder tmp;
  const auto said = [&](const std::string& bytes) {
    write(tmp / "mean", bytes);
    return message_of([&] { static_cast<void>(read_mean_image(tmp / "mean")); });
  };
  EXPECT_THAT(said("\xff\xff\xff"), HasSubstr("mean: not a Caffe BlobProto"));
  EXPECT_THAT(said(""), HasSubstr("mean: not one image"));
  EXPECT_THAT(said(blob(1 << 20, 1 << 20, 1 << 20, {1}).SerializeAsString()), HasSubstr("mean: not one image"));
  EXPECT_THAT(said(blob(1, 2, 3, {1, 2}).SerializeAsString()), HasSubstr("2 values where its shape 1x2x3 says 6"));
  EXPECT_THAT(said(blob(1, 1, 1, {std::numeric_limits<float>::infinity()}).SerializeAsString()),
              HasSubstr("not finite"));
  EXPECT_THAT(message_of([&] { static_cast<void>(read_mean_image(tmp / "none")); }),
              HasSubstr("cannot read the mean image"));
}

TEST(MeanImage, OfASetIsItsMeanOfEachPixel) {
  const TemporaryFolder tmp;
  std::vector<std::pair<std::string, std::string>> items;
  for (const auto* pixels : {"\x01\x02", "\x02\x02", "\x04\xff"})
    items.emplace_back(std::to_string(items.size()), datum(1, 1, 2, 0, pixels).SerializeAsString());
  write_foreign(tmp / "set", items);
  const MeanImage mean = mean_image_of(*open_dataset({.lmdb = tmp / "set"}, Split::kTrain));
  EXPECT_THAT(mean.values, ElementsAre(static_cast<float>(7.0 / 3), static_cast<float>(259.0 / 3)));
}

DataSpec digits() {
  DataSpec spec;
  spec.train.synthetic_digits = 40;
  spec.test.synthetic_digits = 10;
  spec.mean_position = {.file = "a.yaml", .line = 4, .column = 9};
  return spec;
}

std::vector<float> first_image(const RunData& data, const DataSpec& spec, Split split) {
  const std::shared_ptr<Feed> feed = make_feed(data, spec, split, 1);
  const Batch batch = feed->fetch(0, 1);
  return {batch.images, batch.images + 28 * 28};
}

TEST(MeanImage, OfTheTrainingSetAndItsFileGiveTheSameImages) {
  const TemporaryFolder tmp;
  DataSpec of_train = digits();
  of_train.mean_of_train = true;
  const RunData data = open_data(of_train);
  write_mean_image(tmp / "mean", data.mean_image.get());
  DataSpec of_file = digits();
  of_file.mean_file = tmp / "mean";
  for (const Split split : {Split::kTrain, Split::kTest}) {
    EXPECT_EQ(first_image(data, of_train, split), first_image(open_data(of_file), of_file, split));
  }
  EXPECT_EQ(record_of(of_train, data).mean_hash, record_of(of_file, open_data(of_file)).mean_hash);
  EXPECT_EQ(record_of(of_train, data, false).mean_hash, "") << "digits that are not drawn have no mean";
}

TEST(MeanImage, OfAnotherShapeIsAMistakeOfTheConfiguration) {
  const TemporaryFolder tmp;
  write_mean_image(tmp / "mean", {{3, 1, 1}, {1, 2, 3}});
  DataSpec spec = digits();
  spec.mean_file = tmp / "mean";
  EXPECT_THAT(message_of([&] { static_cast<void>(open_data(spec)); }),
              testing::AllOf(HasSubstr("a.yaml:4:9: data.mean.file: "),
                             HasSubstr("is a mean image of 3x1x1, but images are 1x28x28; both must be equal")));
  spec.mean_file = tmp / "none";
  EXPECT_THROW(static_cast<void>(open_data(spec)), ConfigError);
}

TEST(MeanImage, OfRealCifarAgreesWithCaffesWhereItIs) {
  const std::string folder = std::string(QRUN_SOURCE_DIR) + "/../shared/data/cifar10";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no CIFAR-10 in a data folder beside the checkout";
  const TemporaryFolder tmp;
  const Imports imported = import_cifar(folder, tmp / "out");
  EXPECT_EQ(imported.sets[0].items, 49923);
  EXPECT_EQ(imported.sets[1].items, 9979);
  EXPECT_THAT(imported.notes, ElementsAre(HasSubstr("49923 training images"), HasSubstr("9979 test images")));
  const MeanImage own = read_mean_image(imported.mean_image);
  const MeanImage caffes = read_mean_image(folder + "/mean.binaryproto");
  ASSERT_EQ(own.shape, caffes.shape);
  for (std::size_t i = 0; i < own.values.size(); ++i) EXPECT_NEAR(own.values[i], caffes.values[i], 1e-4) << i;
  double red = 0;
  for (std::size_t i = 0; i < 1024; ++i) red += own.values[i] / 1024.0;
  EXPECT_NEAR(red, 125.306, 5e-4) << "the first plane is red";
}

}  // namespace
}  // namespace qrun
