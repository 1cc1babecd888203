// Idx files, whole and damaged, on their way into databases.
#include "data/import/import.h"

#include <gmock/gmock.h>
#include <zlib.h>

#include <fstream>

#include "data/dataset.h"
#include "data/import/idx.h"
#include "data/import/idx_folder.h"
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
  EXPECT_EQ(read_idx_images(tmp / "plain").pixels, read_idx_images(tmp / "packed.gz").pixels);
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
  EXPECT_THAT(message_of([&] { static_cast<void>(read_idx_labels(tmp / "missing")); }), HasSubstr("cannot read"));
}

TEST(Idx, NoticesACutCompressedFile) {
  const TemporaryFolder tmp;
  write_gz(tmp / "x.gz", image_bytes(400));
  std::filesystem::resize_file(tmp / "x.gz", std::filesystem::file_size(tmp / "x.gz") / 2);
  EXPECT_THAT(message_of([&] { static_cast<void>(read_idx_images(tmp / "x.gz")); }), HasSubstr("x.gz: "));
}

TEST(IdxNames, AreReadInAllTheirForms) {
  const auto said = [](const char* name) {
    const std::optional<IdxName> idx = parse_idx_name(name);
    return idx ? idx->set + "|" + (idx->is_train ? "train" : "test") + "|" + (idx->is_images ? "images" : "labels")
               : "nothing";
  };
  EXPECT_EQ(said("train-images-idx3-ubyte"), "|train|images");
  EXPECT_EQ(said("train-images.idx3-ubyte"), "|train|images");
  EXPECT_EQ(said("t10k-labels.idx1-ubyte.gz"), "|test|labels");
  EXPECT_EQ(said("emnist-letters-test-images-idx3-ubyte.gz"), "emnist-letters|test|images");
  EXPECT_EQ(said("my_train_labels_idx1_ubyte"), "my|train|labels");
  EXPECT_EQ(said("latest-images-idx3-ubyte"), "nothing");
  EXPECT_EQ(said("train-images-idx1-ubyte"), "nothing") << "images have three dimensions";
  EXPECT_EQ(said("train-images-idx3-ubyte.zip"), "nothing");
  EXPECT_EQ(said("train-images-idx3"), "nothing");
  EXPECT_EQ(said(".gz"), "nothing");
}

/// A set's four files; labels count from `first`.
void write_set(const TemporaryFolder& tmp, const std::string& prefix, const std::string& test = "t10k",
               char first = 0) {
  const auto labels = [&](std::uint32_t n) {
    std::string bytes = label_bytes(n);
    for (std::size_t i = 8; i < bytes.size(); ++i) bytes[i] = static_cast<char>(bytes[i] + first);
    return bytes;
  };
  write(tmp / (prefix + "train-images-idx3-ubyte"), image_bytes(30));
  write(tmp / (prefix + "train-labels-idx1-ubyte"), labels(30));
  write_gz(tmp / (prefix + test + "-images-idx3-ubyte.gz"), image_bytes(12));
  write_gz(tmp / (prefix + test + "-labels-idx1-ubyte.gz"), labels(12));
}

std::string refusal(const TemporaryFolder& tmp, const IdxOptions& options = {}) {
  return message_of([&] { static_cast<void>(import_idx(tmp / "", tmp / "out", options)); });
}

std::int32_t label_of_item_17(const TemporaryFolder& tmp) {
  return open_dataset({.lmdb = tmp / "out/train_lmdb"}, Split::kTrain)->item(17).label;
}

TEST(Import, WritesWhatReadsBack) {
  const TemporaryFolder tmp;
  write_set(tmp, "");
  const Imports imported = import_idx(tmp / "", tmp / "out");
  EXPECT_EQ(imported.sets[0].items, 30);
  EXPECT_EQ(imported.sets[1].items, 12);
  EXPECT_TRUE(imported.notes.empty());
  const auto set = open_dataset({.lmdb = tmp / "out/train_lmdb"}, Split::kTrain);
  EXPECT_EQ(set->items(), 30);
  EXPECT_EQ(set->item(17).label, 7);
  EXPECT_EQ(set->item(17).bytes[5], 17 * 6 + 5);
}

TEST(Import, TakesTheSetThatIsNamedOrTheOnlyOne) {
  const TemporaryFolder tmp;
  write_set(tmp, "emnist-letters-", "test", 20);
  static_cast<void>(import_idx(tmp / "", tmp / "out"));
  EXPECT_EQ(label_of_item_17(tmp), 27) << "more than ten classes";
  write_set(tmp, "emnist-digits-", "test");
  EXPECT_THAT(refusal(tmp), HasSubstr("holds several sets: emnist-digits, emnist-letters; choose one by --set"));
  EXPECT_THAT(refusal(tmp, {.set = "emnist"}), HasSubstr("no set emnist; there are emnist-digits, emnist-letters"));
  static_cast<void>(import_idx(tmp / "", tmp / "out", {.set = "emnist-digits"}));
  EXPECT_EQ(label_of_item_17(tmp), 7);
}

TEST(Import, CountsLabelsFromTheFirstOne) {
  const TemporaryFolder tmp;
  write_set(tmp, "", "t10k", 1);
  const Imports imported = import_idx(tmp / "", tmp / "out");
  EXPECT_EQ(label_of_item_17(tmp), 7);
  EXPECT_THAT(imported.notes, testing::ElementsAre(HasSubstr("labels 1 to 10 became 0 to 9")));
  EXPECT_TRUE(import_idx(tmp / "", tmp / "out", {.first_label = 0}).notes.empty());
  EXPECT_EQ(label_of_item_17(tmp), 8);
  EXPECT_THAT(refusal(tmp, {.first_label = 2}),
              HasSubstr("train-labels-idx1-ubyte: label 1 of item 0 is below --first-label 2"));
}

TEST(Import, SaysWhatItLookedForAndWhatLiesThere) {
  const TemporaryFolder tmp;
  EXPECT_THAT(refusal(tmp), HasSubstr("no idx files; looked for train-images-idx3-ubyte and the like"));
  EXPECT_THAT(refusal(tmp), HasSubstr("but it is empty"));
  write_set(tmp, "");
  std::filesystem::create_directory(tmp / "more");
  std::filesystem::remove(tmp / "train-labels-idx1-ubyte");
  EXPECT_THAT(refusal(tmp),
              HasSubstr("train-labels-idx1-ubyte is missing (plain or .gz); it holds t10k-images-idx3-ubyte.gz, "
                        "t10k-labels-idx1-ubyte.gz, train-images-idx3-ubyte, more/"));
  write_set(tmp, "");
  write(tmp / "train-images.idx3-ubyte", image_bytes(30));
  EXPECT_THAT(refusal(tmp), HasSubstr("train-images-idx3-ubyte, train-images.idx3-ubyte are the same part of a set"));
  EXPECT_THAT(message_of([&] { static_cast<void>(import_idx(tmp / "nowhere", tmp / "out")); }),
              HasSubstr("nowhere: No such file or directory"));
}

TEST(Import, ReplacesAnOlderDatabaseAndSweepsUpAfterAKill) {
  const TemporaryFolder tmp;
  write_set(tmp, "");
  static_cast<void>(import_idx(tmp / "", tmp / "out"));
  write(tmp / "out/train_lmdb/data.mdb.tmp.17.0", "half written");
  write(tmp / "out/train_lmdb/lock.mdb", "of the program that wrote the older one");
  static_cast<void>(import_idx(tmp / "", tmp / "out"));
  for (const auto& entry : std::filesystem::directory_iterator(tmp / "out/train_lmdb"))
    EXPECT_EQ(entry.path().filename(), "data.mdb");
  EXPECT_EQ(open_dataset({.lmdb = tmp / "out/train_lmdb"}, Split::kTrain)->items(), 30);
}

TEST(Import, WritesNothingWhereTheFilesDisagree) {
  const TemporaryFolder tmp;
  write_set(tmp, "");
  write(tmp / "train-labels-idx1-ubyte", label_bytes(29));
  EXPECT_THAT(refusal(tmp), testing::ContainsRegex("train-images.* holds 30 images, but .*train-labels.* 29 labels"));
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
  const IdxImages images = read_idx_images(folder + "/train-images-idx3-ubyte.gz");
  EXPECT_EQ(images.count, 60000);
  EXPECT_EQ(images.height, 28);
  std::uint64_t sum = 0;
  for (const std::uint8_t pixel : images.pixels) sum += pixel;
  EXPECT_NEAR(static_cast<double>(sum) / static_cast<double>(images.pixels.size()) / 255.0, 0.1307, 5e-5)
      << "the mean that everybody quotes";
  EXPECT_EQ(read_idx_labels(folder + "/train-labels-idx1-ubyte.gz")[0], 5);
}

}  // namespace
}  // namespace qrun
