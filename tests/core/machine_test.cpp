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
  EXPECT_EQ(cgroup_limits("0::/user/job\n", root_).memory, 3000);
  EXPECT_EQ(cgroup_limits("0::/user/other\n", root_).memory, 3000);
  EXPECT_EQ(cgroup_limits("0::/elsewhere\n", root_).memory, kTooLarge);
}

TEST_F(Cgroups, TheRootIsTheGroupWhereOnlyThatIsMounted) {
  write("memory.max", "2000");
  EXPECT_EQ(cgroup_limits("0::/\n", root_).memory, 2000);
  EXPECT_EQ(cgroup_limits("0::/not/shown/here\n", root_).memory, 2000);
}

TEST_F(Cgroups, VersionOneHasAControllerOfItsOwn) {
  write("memory/memory.limit_in_bytes", "9223372036854771712");
  write("memory/box/memory.limit_in_bytes", "4096");
  EXPECT_EQ(cgroup_limits("5:cpu:/box\n4:hugetlb,memory:/box\n0::/\n", root_).memory, 4096);
  EXPECT_EQ(cgroup_limits("5:cpu:/box\n", root_).memory, kTooLarge);
  EXPECT_EQ(cgroup_limits("no line of a kernel", root_).memory, kTooLarge);
}

TEST_F(Cgroups, AQuotaOfTimeLeavesSomeProcessors) {
  write("cpu.max", "max 100000");
  write("user/cpu.max", "400000 100000");
  write("user/job/cpu.max", "150000 100000");
  write("small/cpu.max", "1000 100000");
  write("free/cpu.max", "max 100000");
  write("broken/cpu.max", "many");
  const auto processors = [&](const std::string& group) {
    return cgroup_limits("0::" + group + "\n", root_).processors;
  };
  EXPECT_EQ(processors("/user"), 4);
  EXPECT_EQ(processors("/user/job"), 2) << "one and a half keep two busy";
  EXPECT_EQ(processors("/user/job/step"), 2) << "of the group around it";
  EXPECT_EQ(processors("/small"), 1);
  EXPECT_EQ(processors("/free"), kTooLarge);
  EXPECT_EQ(processors("/broken"), kTooLarge);
  EXPECT_EQ(processors("/elsewhere"), kTooLarge);
}

TEST_F(Cgroups, AQuotaOfVersionOneStandsInTwoFiles) {
  write("cpu/cpu.cfs_quota_us", "-1");
  write("cpu/cpu.cfs_period_us", "100000");
  write("cpu/box/cpu.cfs_quota_us", "250000");
  write("cpu/box/cpu.cfs_period_us", "100000");
  write("cpu/half/cpu.cfs_quota_us", "250000");
  EXPECT_EQ(cgroup_limits("4:cpu,cpuacct:/box\n0::/\n", root_).processors, 3);
  EXPECT_EQ(cgroup_limits("4:cpu,cpuacct:/\n", root_).processors, kTooLarge);
  EXPECT_EQ(cgroup_limits("4:cpu,cpuacct:/half\n", root_).processors, kTooLarge);
  EXPECT_EQ(cgroup_limits("4:cpuset:/box\n5:cpuacct:/box\n", root_).processors, kTooLarge) << "not its controller";
}

TEST_F(Cgroups, BothVersionsCount) {
  write("unified/cpu.max", "300000 100000");
  write("cpu/unified/cpu.cfs_quota_us", "200000");
  write("cpu/unified/cpu.cfs_period_us", "100000");
  EXPECT_EQ(cgroup_limits("4:cpu:/unified\n0::/unified\n", root_).processors, 2);
}

TEST(Machine, HasMemory) {
  EXPECT_GT(usable_memory(), 0);
  EXPECT_LE(free_memory(), usable_memory());
  EXPECT_EQ(gibibytes((std::int64_t{3} << 30) / 2), "1.5 GiB");
}

TEST(Machine, HasAProcessor) { EXPECT_GE(usable_processors(), 1); }

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
