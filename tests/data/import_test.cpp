// MNIST's files, whole and damaged, on their way into databases.
#include "data/import.h"

#include <gmock/gmock.h>
#include <zlib.h>

#include <fstream>

#include "data/dataset.h"
#include "data/idx.h"
#include "data/support.h"

namespace qrun {
namespace {

using testing::HasSubstr;

std::string big_endian(std::uint32_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8), static_cast<char>(v)};
}
std::string image_bytes(std::uint32_t n) {
  std::string pixels;
  for (std::uint32_t i = 0; i < n * 6; ++i) pixels += static_cast<char>(i);
  return big_endian(0x803) + big_endian(n) + big_endian(2) + big_endian(3) + pixels;
}
std::string label_bytes(std::uint32_t n) {
  std::string labels;
  for (std::uint32_t i = 0; i < n; ++i) labels += static_cast<char>(i % 10);
  return big_endian(0x801) + big_endian(n) + labels;
}
void write(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }
void write_gz(const std::string& path, const std::string& bytes) {
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
}

TEST(Idx, ReadsPlainAndCompressedFiles) {
  const TemporaryFolder tmp;
  write(tmp / "plain", image_bytes(4));
  write_gz(tmp / "packed.gz", image_bytes(4));
  EXPECT_EQ(read_idx_images(tmp / "plain").pixels, read_idx_images(tmp / "packed").pixels);
  EXPECT_EQ(read_idx_images(tmp / "plain").height, 2);
}

TEST(Idx, RefusesDamagedFilesByName) {
  const TemporaryFolder tmp;
  const auto images = [&](const std::string& bytes) {
    write(tmp / "x", bytes);
    return message_of([&] { static_cast<void>(read_idx_images(tmp / "x")); });
  };
  EXPECT_THAT(images("ab"), HasSubstr("x: too short for an idx header"));
  EXPECT_THAT(images(label_bytes(20)), HasSubstr("magic number 2049 instead of 2051"));
  EXPECT_THAT(images(image_bytes(4).substr(0, 30)), HasSubstr("14 bytes of data where its header says 24"));
  EXPECT_THAT(images(image_bytes(4) + "x"), HasSubstr("more than 24 bytes of data where its header says 24"));
  EXPECT_THAT(images(big_endian(0x803) + big_endian(0xffffffff) + big_endian(0xffffffff) + big_endian(3)),
              HasSubstr("claims more than 2 GiB"));
  EXPECT_THAT(images(big_endian(0x803) + big_endian(0) + big_endian(2) + big_endian(3)), HasSubstr("empty dimension"));
  std::string labels = label_bytes(5);
  labels.back() = 10;
  write(tmp / "l", labels);
  EXPECT_THAT(message_of([&] { static_cast<void>(read_idx_labels(tmp / "l")); }),
              HasSubstr("label 10 of item 4 is not a digit"));
  EXPECT_THAT(message_of([&] { static_cast<void>(read_idx_labels(tmp / "missing")); }), HasSubstr("cannot read"));
}

TEST(Idx, NoticesACutCompressedFile) {
  const TemporaryFolder tmp;
  write_gz(tmp / "x.gz", image_bytes(400));
  std::filesystem::resize_file(tmp / "x.gz", std::filesystem::file_size(tmp / "x.gz") / 2);
  EXPECT_THAT(message_of([&] { static_cast<void>(read_idx_images(tmp / "x")); }), HasSubstr("x.gz: "));
}

void write_mnist(const TemporaryFolder& tmp, std::uint32_t labels) {
  write(tmp / "train-images-idx3-ubyte", image_bytes(30));
  write(tmp / "train-labels-idx1-ubyte", label_bytes(labels));
  write_gz(tmp / "t10k-images-idx3-ubyte.gz", image_bytes(12));
  write_gz(tmp / "t10k-labels-idx1-ubyte.gz", label_bytes(12));
}

TEST(Import, WritesWhatReadsBack) {
  const TemporaryFolder tmp;
  write_mnist(tmp, 30);
  const std::vector<Imported> imported = import_mnist(tmp / "", tmp / "out");
  EXPECT_EQ(imported[0].items, 30);
  EXPECT_EQ(imported[1].items, 12);
  const auto set = open_dataset({.lmdb = tmp / "out/train_lmdb"}, Split::kTrain);
  EXPECT_EQ(set->items(), 30);
  EXPECT_EQ(set->item(17).label, 7);
  EXPECT_EQ(set->item(17).bytes[5], 17 * 6 + 5);
}

TEST(Import, ReplacesAnOlderDatabaseAndSweepsUpAfterAKill) {
  const TemporaryFolder tmp;
  write_mnist(tmp, 30);
  static_cast<void>(import_mnist(tmp / "", tmp / "out"));
  write(tmp / "out/train_lmdb/data.mdb.tmp.17.0", "half written");
  write(tmp / "out/train_lmdb/lock.mdb", "of the program that wrote the older one");
  static_cast<void>(import_mnist(tmp / "", tmp / "out"));
  for (const auto& entry : std::filesystem::directory_iterator(tmp / "out/train_lmdb"))
    EXPECT_EQ(entry.path().filename(), "data.mdb");
  EXPECT_EQ(open_dataset({.lmdb = tmp / "out/train_lmdb"}, Split::kTrain)->items(), 30);
}

TEST(Import, WritesNothingWhereTheFilesDisagree) {
  const TemporaryFolder tmp;
  write_mnist(tmp, 29);
  EXPECT_THAT(message_of([&] { static_cast<void>(import_mnist(tmp / "", tmp / "out")); }),
              HasSubstr("30 images but 29 labels in train"));
  EXPECT_FALSE(std::filesystem::exists(tmp / "out"));
}

TEST(Import, SaysWhereItCannotWrite) {
  const TemporaryFolder tmp;
  write(tmp / "file", "x");
  EXPECT_THROW(import_synthetic_digits(tmp / "file/below", 10, 10, 1), EnvironmentError);
}

TEST(Import, ReadsRealMnistWhereItIs) {
  const std::string folder = std::string(QRUN_SOURCE_DIR) + "/../shared/data/mnist";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no MNIST in a data folder beside the checkout";
  const IdxImages images = read_idx_images(folder + "/train-images-idx3-ubyte");
  EXPECT_EQ(images.count, 60000);
  EXPECT_EQ(images.height, 28);
  std::uint64_t sum = 0;
  for (const std::uint8_t pixel : images.pixels) sum += pixel;
  EXPECT_NEAR(static_cast<double>(sum) / static_cast<double>(images.pixels.size()) / 255.0, 0.1307, 5e-5)
      << "the mean that everybody quotes";
  EXPECT_EQ(read_idx_labels(folder + "/train-labels-idx1-ubyte")[0], 5);
}

}  // namespace
}  // namespace qrun
