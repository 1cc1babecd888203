// How much memory there is for this process.
#pragma once

#include <cstdint>
#include <string>

namespace qrun {

/// Bytes that this process can come to use: memory and swap, less where a cgroup or `ulimit` says so. Looked up
/// once.
[[nodiscard]] std::int64_t usable_memory();

/// Bytes that are free now, within usable_memory().
[[nodiscard]] std::int64_t free_memory();

/// The smallest memory limit of a process's cgroups and those around them, versions 1 and 2; kTooLarge without one.
/// `membership`: the text of /proc/self/cgroup; `root`: where cgroups are mounted.
[[nodiscard]] std::int64_t cgroup_limit(const std::string& membership, const std::string& root);

/// `3.2 GiB`.
[[nodiscard]] std::string gibibytes(std::int64_t bytes);

}  // namespace qrun
