#include "core/machine.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "core/sizes.h"

namespace qrun {
namespace {

namespace fs = std::filesystem;

/// The first number in a file; kTooLarge where there is none, or `max`.
std::int64_t read_limit(const fs::path& file) {
  std::ifstream stream(file);
  std::int64_t limit = 0;
  return stream >> limit ? limit : kTooLarge;
}

/// -1 and `max` are no quota. A fraction of a processor takes a thread of its own.
std::int64_t processors_for(std::int64_t quota, std::int64_t period) {
  if (quota <= 0 || quota == kTooLarge || period <= 0 || period == kTooLarge) return kTooLarge;
  return quota / period + (quota % period == 0 ? 0 : 1);
}

/// Reads `QUOTA PERIOD`, in microseconds.
std::int64_t read_quota(const fs::path& file) {
  std::ifstream stream(file);
  std::int64_t quota = 0;
  std::int64_t period = 0;
  return stream >> quota >> period ? processors_for(quota, period) : kTooLarge;
}

std::int64_t memory_of_version_1(const fs::path& group) { return read_limit(group / "memory.limit_in_bytes"); }
std::int64_t memory_of_version_2(const fs::path& group) { return read_limit(group / "memory.max"); }
std::int64_t processors_of_version_1(const fs::path& group) {
  return processors_for(read_limit(group / "cpu.cfs_quota_us"), read_limit(group / "cpu.cfs_period_us"));
}
std::int64_t processors_of_version_2(const fs::path& group) { return read_quota(group / "cpu.max"); }

/// A group is bound by those around it, too. The mount may show a part of the tree only: then its root is the group's.
template <class Read>
std::int64_t limit_along(const fs::path& mount, const std::string& group, const Read& read) {
  std::int64_t limit = read(mount);
  for (fs::path at = fs::path(group).relative_path(); !at.empty(); at = at.parent_path())
    limit = std::min(limit, read(mount / at));
  return limit;
}

bool has(const std::string& controllers, const std::string& controller) {
  return ("," + controllers + ",").find("," + controller + ",") != std::string::npos;
}

std::int64_t limit_of(int resource) {
  rlimit limit{};
  if (getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return kTooLarge;
  return static_cast<std::int64_t>(std::min<rlim_t>(limit.rlim_cur, static_cast<rlim_t>(kTooLarge)));
}

}  // namespace

CgroupLimits cgroup_limits(const std::string& membership, const std::string& root) {
  CgroupLimits limits{kTooLarge, kTooLarge};
  std::istringstream lines(membership);
  for (std::string line; std::getline(lines, line);) {  // hierarchy:controllers:group
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    const auto bound = [&](std::int64_t& limit, const std::string& mount, const auto& read) {
      limit = std::min(limit, limit_along(fs::path(root) / mount, group, read));
    };
    if (controllers.empty()) {
      bound(limits.memory, "", memory_of_version_2);
      bound(limits.processors, "", processors_of_version_2);
    }
    if (has(controllers, "memory")) bound(limits.memory, "memory", memory_of_version_1);
    if (has(controllers, "cpu")) bound(limits.processors, "cpu", processors_of_version_1);
  }
  return limits;
}

namespace {

CgroupLimits own_cgroup_limits() {
  std::stringstream membership;
  membership << std::ifstream("/proc/self/cgroup").rdbuf();
  return cgroup_limits(membership.str(), "/sys/fs/cgroup");
}

int look_up_usable_processors() {
  cpu_set_t set;
  const bool known = sched_getaffinity(0, sizeof set, &set) == 0;
  const std::int64_t allowed = known ? CPU_COUNT(&set) : std::int64_t{std::thread::hardware_concurrency()};
  return static_cast<int>(
      std::clamp<std::int64_t>(own_cgroup_limits().processors, 1, std::max<std::int64_t>(allowed, 1)));
}

std::int64_t look_up_usable_memory() {
  struct sysinfo info {};
  sysinfo(&info);
  const auto unit = static_cast<std::int64_t>(info.mem_unit);
  const std::int64_t machine =
      times(plus(static_cast<std::int64_t>(info.totalram), static_cast<std::int64_t>(info.totalswap)), unit);
  return std::min({machine, own_cgroup_limits().memory, limit_of(RLIMIT_AS), limit_of(RLIMIT_DATA)});
}

}  // namespace

int usable_processors() {
  static const int kUsable = look_up_usable_processors();
  return kUsable;
}

std::int64_t usable_memory() {
  static const std::int64_t kUsable = look_up_usable_memory();
  return kUsable;
}

std::int64_t free_memory() {
  const std::int64_t pages = sysconf(_SC_AVPHYS_PAGES);
  return std::min(times(pages, sysconf(_SC_PAGESIZE)), usable_memory());
}

std::string gibibytes(std::int64_t bytes) {
  constexpr double kGibi = 1024.0 * 1024.0 * 1024.0;
  return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / kGibi);
}

}  // namespace qrun
