#include "runner/standing.h"

#include <sys/stat.h>

#include <filesystem>

#include "core/error.h"
#include "core/log.h"

namespace qrun {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kHashDigits = 12;

}  // namespace

const char* stage_name(Stage stage) {
  switch (stage) {
    case Stage::kNew: return "new";
    case Stage::kResume: return "resume";
    case Stage::kComplete: return "complete";
    case Stage::kFailed: return "failed";
  }
  return "";
}

FileStamp stamp_of(const std::string& file) {
  struct stat status {};
  if (stat(file.c_str(), &status) != 0) return {};
  return {static_cast<std::int64_t>(status.st_ino), status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

std::map<std::string, std::string> run_files(const std::string& folder) {
  std::map<std::string, std::string> files;
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, code)) {
    const fs::path& path = entry.path();
    const std::string stem = path.stem().string();
    if (path.extension() != ".h5" || stem.size() <= kHashDigits) continue;
    files.emplace(stem.substr(stem.size() - kHashDigits), path.string());
  }
  return files;
}

Standing standing_of(const std::string& file, const std::string& checkpoint) {
  Standing standing{.path = file};
  const bool resumable = fs::exists(checkpoint) || fs::exists(previous_checkpoint(checkpoint));
  standing.stage = resumable ? Stage::kResume : Stage::kNew;
  if (file.empty()) return standing;
  standing.stamp = stamp_of(file);
  try {
    const RunRecord record = read_run(file, ReadDepth::kSummary);
    if (record.status == "complete") standing.stage = Stage::kComplete;
    if (record.status == "failed") standing.stage = Stage::kFailed;
    standing.error = record.error;
  } catch (const Error& error) {
    spdlog::warn(R"(damaged file="{}" action="run again" reason="{}")", file, error.what());
  }
  return standing;
}

}  // namespace qrun
