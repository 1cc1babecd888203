// What the machine leaves to this process: processors and memory.
#pragma once

#include <cstdint>
#include <string>

namespace qrun {

/// Processors that this process can keep busy, at least 1: those it may run on (`taskset`, cpusets), less where a
/// cgroup has a quota of their time, rounded up.
[[nodiscard]] int usable_processors();

/// Bytes that this process can come to use: memory and swap, less where a cgroup or `ulimit` says so. Looked up
/// once.
[[nodiscard]] std::int64_t usable_memory();

/// Bytes that are free now, within usable_memory().
[[nodiscard]] std::int64_t free_memory();

/// What the cgroups of a process and those around them leave to it, versions 1 and 2; kTooLarge where none has a limit.
struct CgroupLimits {
  std::int64_t memory;      // bytes
  std::int64_t processors;  // whose time the smallest quota pays for, rounded up
};

/// Returns the limits of a process. `membership`: the text of /proc/self/cgroup; `root`: where cgroups are mounted.
[[nodiscard]] CgroupLimits cgroup_limits(const std::string& membership, const std::string& root);

/// Returns the bytes as `3.2 GiB`.
[[nodiscard]] std::string gibibytes(std::int64_t bytes);

}  // namespace qrun
