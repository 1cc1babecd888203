// Files that are not what they should be: every one gives an Error that names it.
#include <fcntl.h>
#include <sys/file.h>

#include <cstdlib>
#include <set>

#include "core/atomic_file.h"
#include "store/h5.h"
#include "store/h5_heap.h"
#include "support.h"

namespace qrun::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class DamageTest : public FolderTest {
 protected:
  DamageTest() { write_run(run_, sample_record()); }
  [[nodiscard]] std::string error_of_reading(const std::string& file) const {
    return error_of([&] { (void)read_run(file, ReadDepth::kAll); });
  }
  /// What reading says of other bytes in place of the run.
  [[nodiscard]] std::string error_of_bytes(const std::string& bytes) const {
    write_bytes(path("damaged.h5"), bytes);
    return error_of_reading(path("damaged.h5"));
  }
  /// What reading says of a file that `fill` makes.
  template <class F>
  [[nodiscard]] std::string error_of_file(const F& fill) const {
    h5::File file = h5::File::create(path("made.h5"));
    fill(file.root());
    write_atomically(path("made.h5"), std::move(file).image());
    return error_of_reading(path("made.h5"));
  }

  const std::string run_ = path("run.h5");
};

TEST_F(DamageTest, TellsWhatIsNoHdf5) {
  EXPECT_EQ(error_of_bytes(""), path("damaged.h5") + ": not an HDF5 file");
  EXPECT_EQ(error_of_bytes("name: a text file\n"), path("damaged.h5") + ": not an HDF5 file");
}

TEST_F(DamageTest, TellsWhatIsNoRunFile) {
  const std::string want = path("made.h5") + ": an HDF5 file, but not a run of qrun";
  EXPECT_THAT(error_of_file([](const h5::Group&) {}), StartsWith(want));
  EXPECT_THAT(error_of_file([](const h5::Group& root) { root.attribute("format", std::int64_t{1}); }),
              StartsWith(want));
  EXPECT_THAT(error_of_file([](const h5::Group& root) {
                root.attribute("format", "qrun-sweep");
                root.attribute("format_version", std::int64_t{1});
              }),
              StartsWith(want));
}

TEST_F(DamageTest, RefusesANewerFormat) {
  EXPECT_THAT(error_of_file([](const h5::Group& root) {
                root.attribute("format", "qrun-run");
                root.attribute("format_version", std::int64_t{2});
              }),
              HasSubstr("format_version 2 is newer than this program's 1"));
}

TEST_F(DamageTest, NamesAMissingPart) {
  EXPECT_THAT(error_of_file([](const h5::Group& root) {
                root.attribute("format", "qrun-run");
                root.attribute("format_version", std::int64_t{1});
              }),
              HasSubstr("/run_id: attribute is missing"));
}

TEST_F(DamageTest, ReadsNoTruncatedFile) {
  const std::string bytes = read_bytes(run_);
  for (std::size_t length = 0; length < bytes.size(); length += length < 4096 ? 127 : 1999) {
    ASSERT_THAT(error_of_bytes(bytes.substr(0, length)), StartsWith(path("damaged.h5") + ": ")) << length << " bytes";
  }
}

/// Reads a file in which a few bytes are others; says whether that was noticed. Any exception but Error is a failure.
TEST_F(DamageTest, SurvivesRandomBytes) {
  const std::string bytes = read_bytes(run_);
  int noticed = 0;
  constexpr std::uint64_t kTrials = 600;
  for (std::uint64_t trial = 0; trial < kTrials; ++trial) {
    std::string damaged = bytes;
    const std::uint64_t at = random_below(trial, 1, 0, bytes.size());
    const std::uint64_t count = std::uint64_t{1} << (trial % 7);
    for (std::uint64_t i = at; i < std::min<std::uint64_t>(at + count, bytes.size()); ++i)
      damaged[i] = static_cast<char>(random_bits(trial, 2, i));
    const std::string error = error_of_bytes(damaged);
    if (error.empty()) continue;
    ++noticed;
    ASSERT_THAT(error, StartsWith(path("damaged.h5") + ": ")) << "trial " << trial;
  }
  EXPECT_GT(noticed, static_cast<int>(kTrials) / 4) << "metadata and compressed data have checksums";
}

TEST_F(DamageTest, SurvivesDamageInItsTexts) {
  const std::string bytes = read_bytes(run_);
  const std::size_t heap = bytes.find("GCOL");
  ASSERT_NE(heap, std::string::npos);
  for (std::uint64_t trial = 0; trial < 600; ++trial) {
    std::string damaged = bytes;
    const std::uint64_t at = heap + random_below(trial, 3, 0, 4096);
    for (std::uint64_t i = at; i < at + 8; ++i) damaged[i] = static_cast<char>(random_bits(trial, 4, i));
    const std::string error = error_of_bytes(damaged);
    ASSERT_TRUE(error.empty() || error.starts_with(path("damaged.h5") + ": ")) << "trial " << trial << ": " << error;
  }
}

TEST_F(DamageTest, KnowsASoundHeap) {
  const auto number = [](std::uint64_t value) { return std::string(reinterpret_cast<const char*>(&value), 8); };
  const auto heap = [&](std::uint64_t size, std::uint64_t free) {
    return std::string("GCOL\1\0\0\0", 8) + number(64) + number(1) + number(size) + "textonly" + number(0) +
           number(free) + std::string(8, '\0');
  };
  EXPECT_TRUE(h5::is_sound_heap(heap(8, 24)));
  EXPECT_TRUE(h5::is_sound_heap(heap(5, 24))) << "padded to 8 bytes";
  EXPECT_FALSE(h5::is_sound_heap(heap(8, 25))) << "free space beyond the end";
  EXPECT_FALSE(h5::is_sound_heap(heap(33, 24))) << "a text beyond the end";
  EXPECT_FALSE(h5::is_sound_heap(heap(~std::uint64_t{0}, 24)));
}

TEST_F(DamageTest, RefusesCodesThatContradictTheirBits) {
  RunRecord record = sample_record();
  record.weights.at(0).quantized.codes.at(0) = 100;
  write_run(path("wrong.h5"), record);
  EXPECT_THAT(error_of_reading(path("wrong.h5")),
              HasSubstr("/weights/conv1/weight/codes: holds a code of more than 2 bits"));
}

TEST_F(DamageTest, RefusesEpochsThatWouldNotFitATable) {
  for (const std::int64_t epoch : {std::int64_t{-1}, std::int64_t{3}, std::int64_t{1} << 60}) {
    RunRecord record = sample_record();
    record.train.back().epoch = epoch;
    write_run(path("wrong.h5"), record);
    EXPECT_THAT(error_of_reading(path("wrong.h5")), HasSubstr("/metrics/train/epoch: does not count from 0"));
  }
  RunRecord record = sample_record();
  record.test.front().epoch = -1;
  write_run(path("wrong.h5"), record);
  EXPECT_THAT(error_of_reading(path("wrong.h5")), HasSubstr("/metrics/test/epoch: holds a negative epoch"));
}

TEST_F(DamageTest, FollowsNoLinksOutOfTheFile) {
  h5::File file = h5::File::create(path("links.h5"));
  ASSERT_GE(H5Lcreate_external("run.h5", "/metrics", file.root().id(), "metrics", H5P_DEFAULT, H5P_DEFAULT), 0);
  ASSERT_GE(H5Lcreate_soft("/", file.root().id(), "soft", H5P_DEFAULT, H5P_DEFAULT), 0);
  EXPECT_FALSE(file.root().has("metrics"));
  EXPECT_FALSE(file.root().has("soft"));
  EXPECT_TRUE(file.root().names().empty());
  EXPECT_THROW((void)file.root().open("metrics"), Error);
}

TEST_F(DamageTest, FollowsNoValuesOutOfTheFile) {
  write_bytes(path("secret"), "12345678");
  h5::File file = h5::File::create(path("external.h5"));
  const h5::Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  ASSERT_GE(H5Pset_external(properties.get(), path("secret").c_str(), 0, 8), 0);
  const hsize_t size = 2;
  const h5::Handle space(H5Screate_simple(1, &size, nullptr), H5Sclose);
  {
    const h5::Handle set(
        H5Dcreate2(file.root().id(), "x", H5T_NATIVE_FLOAT, space.get(), H5P_DEFAULT, properties.get(), H5P_DEFAULT),
        H5Dclose);
    ASSERT_TRUE(set);
  }
  EXPECT_THAT(error_of([&] { (void)file.root().read<float>("x"); }), HasSubstr("in other files"));
}

TEST_F(DamageTest, AllocatesNothingForAnEmptyPromise) {
  h5::File file = h5::File::create(path("promise.h5"));
  const h5::Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  const hsize_t size = hsize_t{1} << 30;
  const hsize_t chunk = 1024;
  H5Pset_chunk(properties.get(), 1, &chunk);
  const auto create = [&](const char* name, hsize_t count) {
    const h5::Handle space(H5Screate_simple(1, &count, nullptr), H5Sclose);
    const h5::Handle set(
        H5Dcreate2(file.root().id(), name, H5T_NATIVE_FLOAT, space.get(), H5P_DEFAULT, properties.get(), H5P_DEFAULT),
        H5Dclose);
    ASSERT_TRUE(set);
  };
  create("large", size);
  create("huge", size * size);
  EXPECT_THAT(error_of([&] { (void)file.root().read<float>("large"); }),
              HasSubstr("claims more values than it can hold"));
  EXPECT_THAT(error_of([&] { (void)file.root().read<float>("huge"); }), HasSubstr("claims more than 8 GiB"));
}

TEST_F(DamageTest, BelievesNoMoreBytesThanTheFileHas) {
  {
    const h5::Handle file(H5Fcreate(path("chunks.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
    const h5::Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    const hsize_t size = 100;
    H5Pset_chunk(properties.get(), 1, &size);
    H5Pset_deflate(properties.get(), 1);
    const h5::Handle space(H5Screate_simple(1, &size, nullptr), H5Sclose);
    const h5::Handle set(
        H5Dcreate2(file.get(), "x", H5T_NATIVE_FLOAT, space.get(), H5P_DEFAULT, properties.get(), H5P_DEFAULT),
        H5Dclose);
    const std::vector<float> values(size, 1.0F);
    ASSERT_GE(H5Dwrite(set.get(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
  }
  std::string bytes = read_bytes(path("chunks.h5"));
  const std::size_t tree =
      bytes.find(std::string("TREE") + '\1');  // of chunks: HDF5 File Format Specification, III.A.1
  ASSERT_NE(tree, std::string::npos);
  bytes.replace(tree + 24, 4, "\xff\xff\xff\xff");  // the size of the first
  write_bytes(path("chunks.h5"), bytes);
  const h5::File damaged = h5::File::open(path("chunks.h5"));
  EXPECT_EQ(error_of([&] { (void)damaged.root().read<float>("x"); }),
            path("chunks.h5") + ": /x: claims more bytes than the file has");
}

TEST_F(DamageTest, NamesTheVariableWhenAFileIsLocked) {
  if (std::getenv("HDF5_USE_FILE_LOCKING") != nullptr) GTEST_SKIP() << "HDF5_USE_FILE_LOCKING is set";
  const int descriptor = open(run_.c_str(), O_RDWR);
  ASSERT_GE(descriptor, 0);
  const bool locked = flock(descriptor, LOCK_EX) == 0;
  const std::string error = error_of_reading(run_);
  close(descriptor);
  ASSERT_TRUE(locked);
  EXPECT_THAT(error, HasSubstr("set HDF5_USE_FILE_LOCKING=FALSE"));
  EXPECT_EQ(error_of_reading(run_), "") << "readable again when the lock is gone";
}

}  // namespace
}  // namespace qrun::test
