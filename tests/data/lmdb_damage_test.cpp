// Database files that are cut or changed: LMDB itself would read wherever they lead it.
#include <gmock/gmock.h>

#include <fstream>

#include "data/dataset.h"
#include "data/support.h"
#include "math/rng.h"

namespace qrun {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

/// A database in a folder, in a file of its own, and one with a name.
class LmdbDamage : public testing::TestWithParam<const char*> {
 protected:
  /// Enough items for branches above the leaves; every fortieth fills pages of its own.
  LmdbDamage() {
    std::vector<std::pair<std::string, std::string>> items;
    for (int i = 0; i < 400; ++i) {
      std::string key = std::to_string(100000 + i);
      items.emplace_back(std::move(key), datum(1, 20, 20, i % 10, std::string(400, static_cast<char>(i)))
                                             .SerializeAsString()
                                             .append(i % 40 == 0 ? unknown_field() : ""));
    }
    ForeignLmdb form{.in_a_file = in_a_file()};
    if (GetParam() == std::string_view("named")) form.names = {"train"};
    write_foreign(tmp_ / "whole", items, form);
    std::ifstream file(tmp_ / (in_a_file() ? "whole" : "whole/data.mdb"), std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(file), {});
    if (!in_a_file()) std::filesystem::create_directory(tmp_ / "db");
  }

  static bool in_a_file() { return GetParam() == std::string_view("file"); }

  /// 9,000 bytes that a Datum does not know.
  static std::string unknown_field() { return "\xa2\x06\xa8\x46" + std::string(9000, 'x'); }

  /// What opening a database of these bytes says; reads all items where it opens.
  [[nodiscard]] std::string opening(const std::string& bytes) const {
    std::ofstream(tmp_ / (in_a_file() ? "db" : "db/data.mdb"), std::ios::binary) << bytes;
    const SourceSpec source{.lmdb = tmp_ / "db", .batch_size = 1, .position = {"a.yaml", 3, 9}};
    return message_of([&] {
      const auto set = open_dataset(source, Split::kTrain);
      for (std::int64_t i = 0; i < set->items(); ++i) static_cast<void>(set->item(i));
    });
  }

  TemporaryFolder tmp_;
  std::string bytes_;
};

TEST_P(LmdbDamage, IsNotSeenInAWholeOne) { EXPECT_EQ(opening(bytes_), "nothing thrown"); }

TEST_P(LmdbDamage, ACutFileIsNamed) {
  for (std::size_t size = 0; size < bytes_.size() - 4096; size += 5000) {
    const std::string message = opening(bytes_.substr(0, size));
    ASSERT_THAT(message,
                HasSubstr("a.yaml:3:9: data.train.lmdb: " + (tmp_ / "db") + (in_a_file() ? ": db" : ": data.mdb") +
                          " is cut: it ends at byte " + std::to_string(size) + "; copy it again"))
        << size << " of " << bytes_.size() << " bytes";
  }
}

TEST_P(LmdbDamage, ChangedBytesAreNamedOrHarmless) {
  int noticed = 0;
  constexpr std::uint64_t kTrials = 300;
  for (std::uint64_t trial = 0; trial < kTrials; ++trial) {
    std::string damaged = bytes_;
    const std::uint64_t page = random_below(trial, 1, 0, bytes_.size() / 4096);
    const std::uint64_t at = page * 4096 + random_below(trial, 2, 0, 64);  // headers and pointers
    for (std::uint64_t i = at; i < at + (std::uint64_t{1} << (trial % 5)); ++i)
      damaged[i] = static_cast<char>(random_bits(trial, 3, i));
    const std::string message = opening(damaged);
    if (message == "nothing thrown") continue;
    ++noticed;
    ASSERT_THAT(message, HasSubstr("data.train.lmdb: " + (tmp_ / "db") + ": ")) << "trial " << trial;
  }
  EXPECT_GT(noticed, static_cast<int>(kTrials) / 4) << "most pages are of keys";
}

TEST_P(LmdbDamage, LoopsAndStrangersAreNamed) {
  std::string other = bytes_;
  other.replace(0, 8192, std::string(8192, 'x'));
  EXPECT_THAT(opening(other), HasSubstr("not an LMDB database"));
  EXPECT_THAT(opening(std::string(100000, '\0')), HasSubstr("not an LMDB database"));
}

INSTANTIATE_TEST_SUITE_P(Forms, LmdbDamage, testing::Values("folder", "file", "named"));

TEST(LmdbInUse, IsCutAndFailsTheReadAndNotTheProcess) {
  const TemporaryFolder tmp;
  const std::string image(std::size_t{1} << 20, 'x');  // as many as are not kept in memory
  const std::string value = datum(1, 1024, 1024, 0, image).SerializeAsString();
  std::vector<std::pair<std::string, std::string>> items;
  for (int i = 0; i < 257; ++i) items.emplace_back(std::to_string(1000 + i), value);
  write_foreign(tmp / "large", items, {.map_bytes = std::size_t{1} << 29});
  const auto set = open_dataset({.lmdb = tmp / "large", .batch_size = 1}, Split::kTrain);
  EXPECT_EQ(set->memory().items, 0) << "read item by item";
  EXPECT_EQ(set->item(256).bytes.size(), image.size());
  std::filesystem::resize_file(tmp / "large/data.mdb", 100000);
  EXPECT_THAT(message_of([&] { static_cast<void>(set->item(256)); }),
              HasSubstr("large: its file was cut while it was in use"));
}

}  // namespace
}  // namespace qrun
