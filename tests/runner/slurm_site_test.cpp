// What a Slurm site says of itself, and when it refuses.
#include "runner/slurm_site.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace qrun {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kConfig = R"(Configuration data as of 2026-11-26T23:10:00
MaxArraySize            = 64
PreemptMode             = CANCEL
PreemptType             = preempt/partition_prio
SchedulerParameters     = batch_sched_delay=1,max_batch_requeue=5,sched_interval=1
)";
constexpr const char* kPartitions =
    "PartitionName=low AllowGroups=ALL Default=YES PreemptMode=CANCEL State=UP\n"
    "PartitionName=idle Default=NO PreemptMode=GANG,SUSPEND State=UP\n"
    "PartitionName=high Default=NO PreemptMode=OFF State=UP\n";

std::vector<std::string> warnings_in(const std::string& partition) {
  return requeue_warnings(read_site(kConfig, kPartitions, partition));
}

TEST(SlurmSite, IsReadFromWhatScontrolShows) {
  const SlurmSite site = read_site(kConfig, kPartitions, "");
  EXPECT_EQ(site.max_array_size, 64);
  EXPECT_EQ(site.max_batch_requeue, 5);
  EXPECT_EQ(site.preempt_mode, "CANCEL") << "the default partition's";
  EXPECT_EQ(read_site(kConfig, kPartitions, "high").preempt_mode, "OFF");
  EXPECT_EQ(read_site(kConfig, kPartitions, "high,low").preempt_mode, "CANCEL,OFF");
  EXPECT_THROW((void)read_site("slurm_load_ctl_conf error: Unable to contact slurm controller", "", ""),
               EnvironmentError);
}

TEST(SlurmSite, HasNoModeOfPreemptionWhereNothingIsPreempted) {
  const SlurmSite site = read_site("MaxArraySize = 8\nPreemptType = preempt/none\n", kPartitions, "low");
  EXPECT_THAT(requeue_warnings(site), IsEmpty());
}

TEST(SlurmSite, SaysWhatKeepsElementsFromBeingQueuedAgain) {
  const std::string limit = "an element whose node is lost is queued again 5 times at most";
  EXPECT_THAT(warnings_in("high"), ElementsAre(HasSubstr(limit)));
  EXPECT_THAT(warnings_in("low"), ElementsAre(HasSubstr("PreemptMode=CANCEL"), HasSubstr(limit)));
  EXPECT_THAT(warnings_in("idle"), ElementsAre(HasSubstr("PreemptMode=SUSPEND"), HasSubstr(limit)));
}

TEST(SlurmSite, NamesTheKeyThatKeepsWithinALimitOfJobs) {
  const std::vector<std::string> limits = {
      "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size "
      "and/or time limits)",
      "sbatch: error: QOSMaxSubmitJobPerUserLimit",
      "sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission failed",
      "sbatch: error: AssocGrpSubmitJobsLimit",
      "sbatch: error: Batch job submission failed: Invalid job array specification",
  };
  for (const std::string& said : limits) {
    EXPECT_THAT(explain_refusal(said, 50), HasSubstr(said));
    EXPECT_THAT(explain_refusal(said, 50), HasSubstr("an array of 50 elements")) << said;
    EXPECT_THAT(explain_refusal(said, 50), HasSubstr("cluster.max_elements")) << said;
  }
  const std::string other = "sbatch: error: invalid partition specified: nowhere";
  EXPECT_EQ(explain_refusal(other, 50), other);
}

}  // namespace
}  // namespace qrun
