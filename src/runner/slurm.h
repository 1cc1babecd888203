// Slurm: the batch script of a sweep, and how many elements share it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/run_spec.h"

namespace qrun {

/// What an array job runs. Paths are absolute.
struct SlurmJob {
  std::string name;         // of the sweep
  std::string program;      // qrun
  std::string work_folder;  // where paths of the configuration start
  std::string dir;          // of results: `<dir>/<name>`
  ClusterSpec cluster;
  std::int64_t elements = 1;
  std::int64_t packs = 1;  // that they share
  std::int64_t pack = 0;   // runs trained together; 0: as many as the element's GPU takes
};

/// Returns where Slurm writes a log: `name` may hold its patterns, `folder` is taken as it is.
[[nodiscard]] std::string log_pattern(const std::string& folder, const std::string& name);

/// Elements share the sweep as any runners do: each takes packs until none is left. On the warning ahead of the time
/// limit a checkpoint is written and the element is queued again; cancelled, it ends.
[[nodiscard]] std::string batch_script(const SlurmJob& job);

/// How many elements share the work, which would take one of them `seconds`: lasting ten minutes or more where there is
/// enough of it, within 80 % of the time limit, `max_parallel` if there are as many packs, never more than
/// `max_elements` or the site allows. An element with several GPUs trains as many packs at a time. Without seconds, for
/// what no one here can try, as many elements as there are packs at a time, or `max_parallel`.
[[nodiscard]] std::int64_t element_count(std::int64_t packs, std::optional<double> seconds, const ClusterSpec& cluster,
                                         std::int64_t max_array_size);

/// A word of the shell, in quotes.
[[nodiscard]] std::string shell_quoted(const std::string& text);

/// Returns a word of the shell for people: in quotes only where it needs them.
[[nodiscard]] std::string shell_word(const std::string& text);

}  // namespace qrun
