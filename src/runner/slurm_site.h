// What a Slurm site is asked: its limits, whether it takes jobs away, and to queue a job.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qrun {

struct SlurmSite {
  std::int64_t max_array_size = 1001;  // Slurm's default
  std::int64_t max_batch_requeue =
      0;                             // how often a job is queued again when its node is lost; 0: the site says nothing
  std::string preempt_mode = "OFF";  // of the partitions that the job may run in
};

/// Reads the answers to `scontrol show config` and `scontrol --oneliner show partition`; `partition` may be a list with
/// commas, or empty for the default one. Throws EnvironmentError where the first is no such answer.
[[nodiscard]] SlurmSite read_site(const std::string& config, const std::string& partitions,
                                  const std::string& partition);

/// Throws EnvironmentError where Slurm cannot be asked.
[[nodiscard]] SlurmSite ask_site(const std::string& partition);

/// One line for each thing that keeps elements from being queued again by themselves.
[[nodiscard]] std::vector<std::string> requeue_warnings(const SlurmSite& site);

/// Whether Slurm would queue this job again: a site may take that right from a job that asked for it.
[[nodiscard]] bool may_requeue(const std::string& job);

/// Runs sbatch with these arguments; the job's id. Throws EnvironmentError with what sbatch said.
[[nodiscard]] std::string sbatch(const std::vector<std::string>& arguments);

/// What sbatch said when it refused an array of so many elements; where that was for a limit on jobs, with the key that
/// keeps within it.
[[nodiscard]] std::string explain_refusal(const std::string& said, std::int64_t elements);

}  // namespace qrun
