// Databases in other forms than a folder of Datum: read, or said for what they are, with what to do.
#include <gmock/gmock.h>

#include <fstream>

#include "data/dataset.h"
#include "data/key_text.h"
#include "data/support.h"

namespace qrun {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

using Items = std::vector<std::pair<std::string, std::string>>;

const Items kItems = {{"0", datum(1, 1, 2, 4, "ab").SerializeAsString()},
                      {"1", datum(1, 1, 2, 7, "cd").SerializeAsString()}};

std::shared_ptr<const Dataset> opened(const std::string& path) {
  return open_dataset({.lmdb = path, .batch_size = 1, .position = {"a.yaml", 3, 9}}, Split::kTrain);
}
std::string opening(const std::string& path) {
  return message_of([&] { static_cast<void>(opened(path)); });
}
void expect_both(const std::string& path) {
  const auto set = opened(path);
  ASSERT_EQ(set->items(), 2);
  EXPECT_EQ(set->item(1).label, 7);
  EXPECT_THAT(set->item(1).bytes, testing::ElementsAre('c', 'd'));
}

TEST(LmdbForms, ReadsADatabaseInAFile) {
  const TemporaryFolder tmp;
  write_foreign(tmp / "train.lmdb", kItems, {.in_a_file = true});
  expect_both(tmp / "train.lmdb");
}

TEST(LmdbForms, TakesThePathOfDataMdbForItsFolder) {
  const TemporaryFolder tmp;
  write_foreign(tmp / "db", kItems);
  const auto folder = opened(tmp / "db");
  EXPECT_EQ(opened(tmp / "db/data.mdb"), folder) << "one database is opened once";
  EXPECT_EQ(opened(tmp / "db/../db/"), folder);
}

TEST(LmdbForms, ReadsTheOnlyDatabaseThatHasAName) {
  const TemporaryFolder tmp;
  write_foreign(tmp / "db", kItems, {.names = {"train"}});
  expect_both(tmp / "db");
  write_foreign(tmp / "nothing", {}, {.names = {"train"}});
  EXPECT_THAT(opening(tmp / "nothing"), HasSubstr("the database is empty"));
}

TEST(LmdbForms, SaysWhichDatabasesAFileHas) {
  const TemporaryFolder tmp;
  write_foreign(tmp / "two", kItems, {.names = {"train", "test"}});
  EXPECT_THAT(opening(tmp / "two"), AllOf(HasSubstr("holds databases with names among other items (test, train); "),
                                          HasSubstr("`mdb_dump -s NAME FROM | mdb_load TO` copies one")));
  write_foreign(tmp / "two", {{"zero", kItems[0].second}});
  EXPECT_THAT(opening(tmp / "two"), HasSubstr("(test, train)")) << "and an item beside them";
}

TEST(LmdbForms, SaysWhatItsKeysAre) {
  const TemporaryFolder tmp;
  write_foreign(tmp / "many", kItems, {.flags = MDB_DUPSORT});
  EXPECT_THAT(opening(tmp / "many"), HasSubstr("several values a key (MDB_DUPSORT)"));
  write_foreign(tmp / "named", kItems, {.names = {"train"}, .flags = MDB_DUPSORT});
  EXPECT_THAT(opening(tmp / "named"), HasSubstr("several values a key (MDB_DUPSORT)"));
  write_foreign(tmp / "reverse", kItems, {.names = {"train"}, .flags = MDB_REVERSEKEY});
  EXPECT_THAT(opening(tmp / "reverse"), HasSubstr("keys have an order of their own"));
}

/// The start of a file of another machine or version: the numbers of its first page, little-endian or big.
std::string head_of(std::size_t header, std::uint32_t format, bool big) {
  std::string page(200, '\0');
  const auto put = [&](std::size_t place, std::uint32_t number) {
    for (std::size_t i = 0; i < 4; ++i) page[place + i] = static_cast<char>(number >> 8 * (big ? 3 - i : i));
  };
  put(header, 0xBEEFC0DE);
  put(header + 4, format);
  put(40, 4096);
  return page;
}

TEST(LmdbForms, SaysWhichMachineOrVersionWroteIt) {
  const TemporaryFolder tmp;
  const auto opening_head = [&](std::size_t header, std::uint32_t format, bool big) {
    std::ofstream(tmp / "x.mdb", std::ios::binary) << head_of(header, format, big);
    return opening(tmp / "x.mdb");
  };
  const auto said = [](const std::string& origin) {
    return AllOf(StartsWith("a.yaml:3:9: data.train.lmdb: "), HasSubstr("an LMDB database of " + origin + "; "),
                 HasSubstr("`mdb_dump FROM >text` where it was made, `mdb_load TO <text` on this machine"));
  };
  EXPECT_THAT(opening_head(16, 1, true), said("a machine of 64 bits and big-endian numbers"));
  EXPECT_THAT(opening_head(12, 1, true), said("a machine of 32 bits and big-endian numbers"));
  EXPECT_THAT(opening_head(12, 1, false), said("a machine of 32 bits and little-endian numbers"));
  EXPECT_THAT(opening_head(16, 999, false), said("format 999, which LMDB 0.9 does not read"));
  EXPECT_THAT(opening_head(24, 2, false), said("format 2, which LMDB 0.9 does not read"));
}

TEST(LmdbForms, NamesALevelDb) {
  const TemporaryFolder tmp;
  std::filesystem::create_directory(tmp / "train_leveldb");
  std::ofstream(tmp / "train_leveldb/CURRENT") << "MANIFEST-000002\n";
  EXPECT_THAT(opening(tmp / "train_leveldb"),
              HasSubstr("a LevelDB database, not an LMDB; write it again with `convert_imageset --backend=lmdb`"));
}

TEST(LmdbForms, TakesNoPipeForAFile) {
  EXPECT_THAT(opening("/dev/null"), HasSubstr("/dev/null: neither a folder nor a file"));
}

/// What is said of a second item of this value.
std::string opening_with(const std::string& value, const std::string& key = "1") {
  const TemporaryFolder tmp;
  write_foreign(tmp / "db", {{"0", kItems[0].second}, {key, value}});
  std::string message = opening(tmp / "db");
  return message.substr(message.find("item "));
}

std::string length_delimited(int field, const std::string& bytes) {  // up to 127 of them
  return std::string({static_cast<char>(field << 3 | 2), static_cast<char>(bytes.size())}) + bytes;
}

TEST(LmdbValues, AreSaidForWhatTheyAre) {
  const std::string what_to_do = "; write one Datum an image, as README.md shows under `Where data comes from`";
  EXPECT_EQ(opening_with(""), "item 1: an empty value" + what_to_do);
  const std::string annotated = length_delimited(1, kItems[0].second) + "\x10\x01";  // type: BBOX
  EXPECT_EQ(opening_with(annotated),
            "item 1: an AnnotatedDatum, as SSD's Caffe writes to say what lies where in an image; qrun learns one "
            "label an image" +
                what_to_do);
  const std::string image =
      std::string("\x08\x01\x08\x02\x10\x03", 6) + length_delimited(5, "ab");                  // dims, BYTE, bytes
  const std::string label = std::string("\x08\x01\x10\x02", 4) + length_delimited(4, "\x07");  // dims, INT32, its value
  EXPECT_EQ(opening_with(length_delimited(1, image) + length_delimited(1, label)),
            "item 1: Caffe2's TensorProtos, not Caffe's Datum" + what_to_do);
  EXPECT_EQ(opening_with(length_delimited(1, "\x0a\x01x")),
            "item 1: a message in a message, not Caffe's Datum" + what_to_do);
  EXPECT_EQ(opening_with("\xff\xd8\xff\xe0 and what follows"),
            "item 1: a JPEG file without a label, not a Caffe Datum" + what_to_do);
  EXPECT_EQ(opening_with("some text"), "item 1: not a Caffe Datum" + what_to_do);
}

TEST(LmdbKeys, AreShownInHexWhereTheyAreNoText) {
  EXPECT_EQ(key_text("00000005_cat.jpg"), "00000005_cat.jpg");
  EXPECT_EQ(key_text("bär"), "bär");
  EXPECT_EQ(key_text(std::string("\0\0\0\x05", 4)), "0x00000005");
  EXPECT_EQ(key_text("b\xe4r"), "0x62e472");
  EXPECT_EQ(key_text("a\n"), "0x610a");
  EXPECT_EQ(key_text(""), "0x");
  EXPECT_THAT(opening_with("x", std::string("1\0\0\x05", 4)), StartsWith("item 0x31000005: not a Caffe Datum"));
}

}  // namespace
}  // namespace qrun
