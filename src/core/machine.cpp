#include "core/machine.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/sizes.h"

namespace qrun {
namespace {

namespace fs = std::filesystem;

/// The number in a file; kTooLarge where there is none, or `max`.
std::int64_t read_limit(const fs::path& file) {
  std::ifstream stream(file);
  std::int64_t limit = 0;
  return stream >> limit ? limit : kTooLarge;
}

/// A group is bound by those around it, too. The mount may show a part of the tree only: then its root is the group's.
std::int64_t limit_along(const fs::path& mount, const std::string& group, const char* file) {
  std::int64_t limit = read_limit(mount / file);
  for (fs::path at = fs::path(group).relative_path(); !at.empty(); at = at.parent_path())
    limit = std::min(limit, read_limit(mount / at / file));
  return limit;
}

bool has_memory(const std::string& controllers) {
  return ("," + controllers + ",").find(",memory,") != std::string::npos;
}

std::int64_t limit_of(int resource) {
  rlimit limit{};
  if (getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return kTooLarge;
  return static_cast<std::int64_t>(std::min<rlim_t>(limit.rlim_cur, static_cast<rlim_t>(kTooLarge)));
}

}  // namespace

std::int64_t cgroup_limit(const std::string& membership, const std::string& root) {
  std::int64_t limit = kTooLarge;
  std::istringstream lines(membership);
  for (std::string line; std::getline(lines, line);) {  // hierarchy:controllers:group
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (controllers.empty()) limit = std::min(limit, limit_along(root, group, "memory.max"));
    if (has_memory(controllers))
      limit = std::min(limit, limit_along(fs::path(root) / "memory", group, "memory.limit_in_bytes"));
  }
  return limit;
}

namespace {

std::int64_t look_up_usable_memory() {
  struct sysinfo info {};
  sysinfo(&info);
  const auto unit = static_cast<std::int64_t>(info.mem_unit);
  const std::int64_t machine =
      times(plus(static_cast<std::int64_t>(info.totalram), static_cast<std::int64_t>(info.totalswap)), unit);
  std::stringstream membership;
  membership << std::ifstream("/proc/self/cgroup").rdbuf();
  return std::min(
      {machine, cgroup_limit(membership.str(), "/sys/fs/cgroup"), limit_of(RLIMIT_AS), limit_of(RLIMIT_DATA)});
}

}  // namespace

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
