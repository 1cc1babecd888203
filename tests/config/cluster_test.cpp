// `cluster:` takes what Slurm does.
#include "config/fields/cluster.h"

#include "support.h"

namespace qrun::test {
namespace {

Lines mistakes_of(const std::string& entry) { return mistakes(kSmall + "cluster: {" + entry + "}\n"); }

TEST(Cluster, ReadsTheTimesOfSlurm) {
  const std::vector<std::pair<std::string, std::int64_t>> cases = {
      {"30", 1800},        {"30:10", 1810},         {"02:00:00", 7200}, {"1-12", 129600}, {"1-12:30", 131400},
      {"2-0:0:1", 172801}, {"1000:00:00", 3600000}, {"0", 0},           {"UNLIMITED", 0}, {"infinite", 0}};
  for (const auto& [time, seconds] : cases) {
    EXPECT_EQ(config::time_limit_seconds(time), seconds) << time;
    EXPECT_EQ(mistakes_of("time: \"" + time + "\""), Lines{}) << time;
  }
}

TEST(Cluster, RefusesOtherTimes) {
  for (const std::string time : {"bad", "-1", "1-", "1:2:3:4", "2h", "1.5", "1--2", "02:00:", "1 2", "9999999999"}) {
    EXPECT_EQ(mistakes_of("time: \"" + time + "\""),
              Lines{"a.yaml:10:17: cluster.time: " + time + " is not a time; write MM, HH:MM:SS or D-HH:MM:SS"});
  }
}

TEST(Cluster, TakesSizesOfMemoryThatSlurmDoes) {
  for (const std::string memory : {"8G", "512", "0", "100m", "4GB", "2T", "1024K"})
    EXPECT_EQ(mistakes_of("memory: " + memory), Lines{}) << memory;
  for (const std::string memory : {"lots", "8 G", "1.5G", "8X", "G", "8GiB", "-8G", "8BB"}) {
    EXPECT_EQ(mistakes_of("memory: " + memory),
              Lines{"a.yaml:10:19: cluster.memory: " + memory +
                    " is not a size of memory; write a whole number and K, M, G or T, such as 8G"});
  }
}

TEST(Cluster, TakesNamesOfPartitions) {
  for (const std::string partition : {"gpu", "\"a,b-2\"", "gpu.long", "null"})
    EXPECT_EQ(mistakes_of("partition: " + partition), Lines{}) << partition;
  for (const std::string partition : {"a b", "a,,b", "$(reboot)"}) {
    EXPECT_EQ(mistakes_of("partition: \"" + partition + "\""),
              Lines{"a.yaml:10:22: cluster.partition: " + partition +
                    " is not a partition; write its name, or several with commas between them"});
  }
}

}  // namespace
}  // namespace qrun::test
