#include "store/claim_file.h"

#include <sys/types.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace qrun {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace

std::string this_place() {
  std::error_code code;
  return first_line("/proc/sys/kernel/random/boot_id") + " " +
         std::filesystem::read_symlink("/proc/self/ns/pid", code).string();
}

/// Returns field 22 of a process's stat. The fields are counted from the end of its name, which may hold anything.
std::int64_t start_of(std::int64_t pid) {
  const std::string stat = first_line("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return -1;
  std::istringstream fields(stat.substr(name_end + 1));
  std::string field;
  fields >> field;
  if (field == "Z" || field == "X") return -1;  // ended, not yet waited for
  for (int i = 4; i <= 22; ++i) fields >> field;
  return std::strtoll(field.c_str(), nullptr, 10);
}

std::optional<bool> has_ended(const Owner& owner, const std::string& place) {
  if (owner.place != place) return std::nullopt;
  const std::int64_t started = start_of(owner.pid);
  const bool hidden = started < 0 && kill(static_cast<pid_t>(owner.pid), 0) != 0 && errno == EPERM;
  return hidden ? std::nullopt : std::optional(started != owner.started);
}

std::string claim_text(const Owner& owner) {
  return nlohmann::ordered_json{{"host", owner.host},       {"place", owner.place}, {"pid", owner.pid},
                                {"started", owner.started}, {"job", owner.job},     {"node", owner.node},
                                {"beat", owner.beat}}
             .dump() +
         "\n";
}

std::optional<Owner> read_claim(const std::string& path) {
  std::error_code code;
  if (!std::filesystem::is_regular_file(path, code)) return std::nullopt;  // the parser throws at a folder
  std::ifstream file(path);
  const nlohmann::json json = nlohmann::json::parse(file, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  try {
    return Owner{.host = json.at("host"),
                 .place = json.at("place"),
                 .pid = json.at("pid"),
                 .started = json.at("started"),
                 .job = json.at("job"),
                 .node = json.at("node"),
                 .beat = json.at("beat")};
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

}  // namespace qrun
