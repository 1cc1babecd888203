// The batch script that a sweep is handed to Slurm with.
#include "runner/slurm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qrun {
namespace {

SlurmJob job_with(std::int64_t gpus) {
  SlurmJob job{.name = "bits", .elements = 4, .pack = 2};
  job.cluster.gpus = gpus;
  return job;
}

TEST(BatchScript, SpreadsPacksOverTheDevicesOfAnElement) {
  const std::string two = batch_script(job_with(2));
  EXPECT_THAT(two, testing::HasSubstr("#SBATCH --gpus=2\n"));
  EXPECT_THAT(two, testing::HasSubstr(" --device 0,1 "));
}

TEST(ElementCount, LastsTenMinutesOrMostOfTheTimeLimit) {
  ClusterSpec cluster;
  EXPECT_EQ(element_count(100, 6000, cluster, 1000), 10);
  cluster.time = "00:05:00";
  EXPECT_EQ(element_count(100, 6000, cluster, 1000), 25);
  cluster.time = "UNLIMITED";
  EXPECT_EQ(element_count(100, 6000, cluster, 1000), 10);
}

TEST(BatchScript, LeavesTheChoiceOfASingleDeviceToTheProgram) {
  EXPECT_THAT(batch_script(job_with(1)), testing::Not(testing::HasSubstr("--device")));
  EXPECT_THAT(batch_script(job_with(0)), testing::Not(testing::HasSubstr("--gpus")));
}

}  // namespace
}  // namespace qrun
