// How runs are handed to the scheduler of a cluster.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/table/field.h"
#include "core/enum_names.h"

namespace qrun {

enum class Scheduler : std::uint8_t { kSlurm };
inline constexpr std::array kSchedulerNames = {"slurm"};
constexpr const auto& names_of(Scheduler /*scheduler*/) { return kSchedulerNames; }
static_assert(names_all_to(Scheduler::kSlurm));

struct ClusterSpec {
  Scheduler scheduler = Scheduler::kSlurm;
  std::string partition;
  std::string time;
  std::int64_t cpus = 1;
  std::int64_t gpus = 0;
  std::string memory;
  std::int64_t pack = 0;  // 0: what fits
  std::int64_t max_parallel = 0;
  std::int64_t max_elements = 0;  // 0: as many as the work wants and the site allows
  std::vector<std::string> options;
};

namespace config {

/// Seconds of `MM`, `MM:SS`, `HH:MM:SS`, `D-HH`, `D-HH:MM`, `D-HH:MM:SS`; 0 for no limit, which `UNLIMITED` is as well.
/// Nothing for other text.
[[nodiscard]] std::optional<std::int64_t> time_limit_seconds(const std::string& time);

// Texts of a form that the scheduler reads; it would refuse another only once the job is handed over.
void read_partition(ClusterSpec& cluster, const Value& value);
void read_time(ClusterSpec& cluster, const Value& value);
void read_memory(ClusterSpec& cluster, const Value& value);
void read_options(ClusterSpec& cluster, const Value& value);
void write_options(const ClusterSpec& cluster, const Writing& to);
[[nodiscard]] Node schema_of_options();

inline constexpr std::uint64_t kMostOfANode = 1 << 16;

inline constexpr auto kClusterFields = fields(
    choice<&ClusterSpec::scheduler>("scheduler", "who starts the jobs", Role::kOutput),
    text_or_null<&ClusterSpec::partition>("partition", "queue", Role::kOutput).read_by<read_partition>(),
    text_or_null<&ClusterSpec::time>("time", "limit of a job, such as \"02:00:00\"", Role::kOutput)
        .read_by<read_time>(),
    integer<&ClusterSpec::cpus>("cpus", "processor cores a job", Role::kOutput, {1, kMostOfANode}),
    integer<&ClusterSpec::gpus>("gpus", "GPUs a job", Role::kOutput, {0, kMostOfANode}),
    text_or_null<&ClusterSpec::memory>("memory", "memory of a job, such as 8G", Role::kOutput).read_by<read_memory>(),
    integer_or_null<&ClusterSpec::pack>("pack", "runs trained together; default: what fits", Role::kOutput, {1, kMany}),
    integer_or_null<&ClusterSpec::max_parallel>("max_parallel", "jobs at once; default: no limit", Role::kOutput,
                                                {1, kMany}),
    integer_or_null<&ClusterSpec::max_elements>("max_elements", "jobs of the array; default: what the work wants",
                                                Role::kOutput, {1, kMany}),
    field<ClusterSpec>("options", "further options of the scheduler, one text each", Role::kOutput)
        .read_by<read_options>()
        .written_by<write_options>()
        .described_by<schema_of_options>()
        .nullable());

}  // namespace config
}  // namespace qrun
