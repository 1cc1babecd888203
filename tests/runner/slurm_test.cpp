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

TEST(BatchScript, QuotesWhatSbatchWouldPart) {
  SlurmJob job = job_with(0);
  job.dir = "/my runs/100% #1 \"a\" it's";
  job.work_folder = job.program = "/my runs/it's";
  job.cluster.options = {"--account=x", "--comment=a b", "--comment=\"c d\"", "-A y", "--exclusive"};
  const std::string script = batch_script(job);
  const auto has = [&](const std::string& line) { return script.find("\n" + line + "\n") != std::string::npos; };
  EXPECT_TRUE(has(R"(#SBATCH --output="/my runs/100%% #1 \"a\" it's/bits/.qrun/slurm/%A_%a.log")")) << script;
  EXPECT_TRUE(has("#SBATCH --account=x"));
  EXPECT_TRUE(has("#SBATCH --comment=\"a b\""));
  EXPECT_TRUE(has("#SBATCH --comment=\"c d\"")) << "quoted already";
  EXPECT_TRUE(has("#SBATCH -A y"));
  EXPECT_TRUE(has("#SBATCH --exclusive"));
  EXPECT_TRUE(has(R"(cd '/my runs/it'\''s' || exit 4)"));
}

TEST(ShellWord, HasQuotesWhereItNeedsThem) {
  EXPECT_EQ(shell_word("/results/a_b-1.h5"), "/results/a_b-1.h5");
  EXPECT_EQ(shell_word("/my runs"), "'/my runs'");
  EXPECT_EQ(shell_word("it's"), R"('it'\''s')");
  EXPECT_EQ(shell_word(""), "''");
}

TEST(ElementCount, LastsTenMinutesOrMostOfTheTimeLimit) {
  ClusterSpec cluster;
  EXPECT_EQ(element_count(100, 6000, cluster, 1000), 10);
  cluster.time = "00:05:00";
  EXPECT_EQ(element_count(100, 6000, cluster, 1000), 25);
  cluster.time = "UNLIMITED";
  EXPECT_EQ(element_count(100, 6000, cluster, 1000), 10);
}

TEST(ElementCount, KeepsWithinTheConfigurationAndTheSite) {
  ClusterSpec cluster;
  EXPECT_EQ(element_count(100, 60000, cluster, 1000), 100) << "no more than packs";
  EXPECT_EQ(element_count(100, 60000, cluster, 64), 64);
  cluster.max_elements = 40;
  cluster.max_parallel = 50;
  EXPECT_EQ(element_count(100, 60000, cluster, 64), 40);
  cluster.max_elements = 80;
  EXPECT_EQ(element_count(100, 60000, cluster, 64), 64);
}

TEST(ElementCount, CountsPacksThatAnElementTrainsAtOnce) {
  ClusterSpec cluster;
  cluster.gpus = 4;
  EXPECT_EQ(element_count(10, 60000, cluster, 1000), 3);
  EXPECT_EQ(element_count(10, 700, cluster, 1000), 2);
}

TEST(ElementCount, WithoutATrialSharesAllAtOnceOrAsManyAsMayRun) {
  ClusterSpec cluster;
  cluster.gpus = 1;
  EXPECT_EQ(element_count(10, std::nullopt, cluster, 1000), 10);
  EXPECT_EQ(element_count(10, std::nullopt, cluster, 6), 6);
  cluster.max_parallel = 4;
  EXPECT_EQ(element_count(10, std::nullopt, cluster, 1000), 4);
}

// One that found its GPU unusable would train on its processors, for days.
TEST(BatchScript, HoldsAnElementToItsGpus) {
  EXPECT_THAT(batch_script(job_with(1)), testing::HasSubstr(" --device 0 "));
  EXPECT_THAT(batch_script(job_with(0)),
              testing::Not(testing::AnyOf(testing::HasSubstr("--gpus"), testing::HasSubstr("--device"))));
}

TEST(BatchScript, LeavesThePackToTheGpuAndSaysWhatIsShared) {
  SlurmJob job = job_with(2);
  job.packs = 3;
  EXPECT_THAT(batch_script(job),
              testing::HasSubstr("\n# 3 packs of at most 2 runs; 4 elements with 2 GPUs, a pack on each at a time.\n"));
  job.pack = 0;
  EXPECT_THAT(batch_script(job), testing::HasSubstr("\n# 3 packs of what a GPU takes, at most 64 runs; 4 elements"));
  EXPECT_THAT(batch_script(job), testing::Not(testing::HasSubstr("--pack")));
}

}  // namespace
}  // namespace qrun
