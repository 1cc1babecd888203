#include "core/machine.h"

#include "core/sizes.h"
#include "core/support.h"

namespace qrun {
namespace {

namespace fs = std::filesystem;

/// Cgroups as they are mounted.
class Cgroups : public test::FolderTest {
 protected:
  void write(const std::string& file, const std::string& text) const {
    fs::create_directories(fs::path(path(file)).parent_path());
    test::write_bytes(path(file), text + "\n");
  }

  const std::string root_ = fs::path(path("any")).parent_path();
};

TEST_F(Cgroups, TheTightestLimitOnTheWayUpHolds) {
  write("memory.max", "max");
  write("user/memory.max", "3000");
  write("user/job/memory.max", "5000");
  EXPECT_EQ(cgroup_limit("0::/user/job\n", root_), 3000);
  EXPECT_EQ(cgroup_limit("0::/user/other\n", root_), 3000);
  EXPECT_EQ(cgroup_limit("0::/elsewhere\n", root_), kTooLarge);
}

TEST_F(Cgroups, TheRootIsTheGroupWhereOnlyThatIsMounted) {
  write("memory.max", "2000");
  EXPECT_EQ(cgroup_limit("0::/\n", root_), 2000);
  EXPECT_EQ(cgroup_limit("0::/not/shown/here\n", root_), 2000);
}

TEST_F(Cgroups, VersionOneHasAControllerOfItsOwn) {
  write("memory/memory.limit_in_bytes", "9223372036854771712");
  write("memory/box/memory.limit_in_bytes", "4096");
  EXPECT_EQ(cgroup_limit("5:cpu:/box\n4:hugetlb,memory:/box\n0::/\n", root_), 4096);
  EXPECT_EQ(cgroup_limit("5:cpu:/box\n", root_), kTooLarge);
  EXPECT_EQ(cgroup_limit("no line of a kernel", root_), kTooLarge);
}

TEST(Machine, HasMemory) {
  EXPECT_GT(usable_memory(), 0);
  EXPECT_LE(free_memory(), usable_memory());
  EXPECT_EQ(gibibytes((std::int64_t{3} << 30) / 2), "1.5 GiB");
}

TEST(Sizes, StayTooLarge) {
  EXPECT_EQ(times(3, 4), 12);
  EXPECT_EQ(times(std::int64_t{1} << 32, std::int64_t{1} << 31), kTooLarge);
  EXPECT_EQ(times(kTooLarge, 0), 0);
  EXPECT_EQ(times(times(kTooLarge, 7), 7), kTooLarge);
  EXPECT_EQ(plus(kTooLarge, 1), kTooLarge);
  EXPECT_EQ(plus(kTooLarge - 1, 1), kTooLarge);
}

}  // namespace
}  // namespace qrun
