#include "runner/slurm.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <string_view>

#include "config/fields/cluster.h"
#include "core/sizes.h"
#include "engine/plugin.h"
#include "store/layout.h"

namespace qrun {
namespace {

constexpr std::int64_t kWarningSeconds = 60;  // between the warning and the time limit: a checkpoint takes one
constexpr double kElementSeconds = 600;

/// An argument as sbatch reads it in a script: blanks part arguments, `#` starts a comment; quotes and `\\` keep both.
/// What has quotes already was written for sbatch.
std::string directive(const std::string& argument) {
  const std::size_t value = argument.starts_with("--") ? argument.find('=') : argument.npos;
  if (value == argument.npos || argument.find_first_of(" \t#'\"\\", value) == argument.npos) return argument;
  const std::string text = argument.substr(value + 1);
  if (text.size() > 1 && text.front() == text.back() && (text.front() == '"' || text.front() == '\'')) return argument;
  std::string quoted = argument.substr(0, value + 1) + '"';
  for (const char c : text) quoted += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
  return quoted + '"';
}

std::string option(const char* name, const std::string& value) {
  return value.empty() ? "" : "#SBATCH " + directive(fmt::format("--{}={}", name, value)) + "\n";
}

std::string number_option(const char* name, std::int64_t value) {
  return option(name, value > 0 ? std::to_string(value) : "");
}

/// All devices of a job, so that one whose GPU is not usable ends instead of training on its processors; Slurm numbers
/// them from 0 for each job.
std::string device_option(std::int64_t gpus) {
  std::string list;
  for (std::int64_t device = 0; device < gpus; ++device)
    list += (list.empty() ? " --device " : ",") + std::to_string(device);
  return list;
}

std::string pack_option(std::int64_t pack) { return pack > 0 ? fmt::format(" --pack {}", pack) : ""; }

/// A number of things.
std::string count(std::int64_t number, const char* thing) {
  return fmt::format("{} {}{}", number, thing, number == 1 ? "" : "s");
}

/// What is shared, and by how many, for who reads the script.
std::string share_of(const SlurmJob& job) {
  const std::string runs = job.pack > 0 ? "at most " + count(job.pack, "run")
                                        : fmt::format("what a GPU takes, at most {} runs", kDevicePack);
  const std::string gpus =
      job.cluster.gpus > 0 ? " with " + count(job.cluster.gpus, "GPU") + ", a pack on each at a time" : "";
  return count(job.packs, "pack") + " of " + runs + "; " + count(job.elements, "element") + gpus;
}

}  // namespace

std::string shell_quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string(R"('\'')") : std::string(1, c);
  return quoted + "'";
}

std::string shell_word(const std::string& text) {
  const bool is_safe = std::ranges::all_of(text, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("/._-+=,").find(c) != std::string_view::npos;
  });
  return is_safe && !text.empty() ? text : shell_quoted(text);
}

std::int64_t element_count(std::int64_t packs, std::optional<double> seconds, const ClusterSpec& cluster,
                           std::int64_t max_array_size) {
  const std::int64_t turns = ceil_div(packs, std::max<std::int64_t>(1, cluster.gpus));
  const std::int64_t limit = config::time_limit_seconds(cluster.time).value_or(0);
  const double lasting = limit > 0 ? std::min(kElementSeconds, 0.8 * static_cast<double>(limit)) : kElementSeconds;
  const std::int64_t unknown = cluster.max_parallel > 0 ? cluster.max_parallel : turns;
  const auto by_time = seconds ? static_cast<std::int64_t>(std::ceil(*seconds / lasting)) : unknown;
  const std::int64_t most = cluster.max_elements > 0 ? std::min(cluster.max_elements, max_array_size) : max_array_size;
  return std::clamp<std::int64_t>(std::max(by_time, cluster.max_parallel), 1, std::min(turns, most));
}

std::string log_pattern(const std::string& folder, const std::string& name) {
  std::string pattern;
  for (const char c : folder) pattern += c == '%' ? std::string("%%") : std::string{c};
  return pattern + "/" + name;
}

std::string batch_script(const SlurmJob& job) {
  const ClusterSpec& c = job.cluster;
  const Layout layout(job.dir, job.name);
  std::string text = "#!/bin/bash\n";
  text += option("job-name", "qrun-" + job.name);
  text += fmt::format("#SBATCH --array=0-{}{}\n", job.elements - 1,
                      c.max_parallel > 0 ? fmt::format("%{}", c.max_parallel) : "");
  text += option("output", log_pattern(layout.slurm_logs(), kElementLog));
  text += option("open-mode", "append");
  text += "#SBATCH --requeue\n";
  text += option("signal", fmt::format("B:USR1@{}", kWarningSeconds));
  text += option("partition", c.partition) + option("time", c.time) + number_option("cpus-per-task", c.cpus) +
          number_option("gpus", c.gpus) + option("mem", c.memory);
  for (const std::string& extra : c.options) text += "#SBATCH " + directive(extra) + "\n";
  text += fmt::format(R"(
# Written by `qrun submit`. Elements share the sweep: each trains packs of runs until none is left.
# {}.
cd {} || exit 4
{} run {} --output {}{} --threads "${{SLURM_CPUS_PER_TASK:-{}}}"{} --no-progress --no-wait &
qrun=$!

# Ahead of the time limit: write a checkpoint, and be queued again. Cancelled: write a checkpoint, and end.
warned=
trap 'warned=1; kill -TERM "$qrun"' USR1
trap 'kill -TERM "$qrun"' TERM
while :; do
  wait "$qrun"
  status=$?
  kill -0 "$qrun" 2>/dev/null || break
done
if [ -n "$warned" ] && [ "$status" -eq 3 ]; then
  scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}" ||
    echo "the site does not queue this element again; its checkpoints are written: qrun submit goes on" >&2
fi
exit "$status"
)",
                      share_of(job), shell_quoted(job.work_folder), shell_quoted(job.program),
                      shell_quoted(layout.sweep_config()), shell_quoted(job.dir), pack_option(job.pack),
                      std::max<std::int64_t>(1, c.cpus), device_option(c.gpus));
  return text;
}

}  // namespace qrun
