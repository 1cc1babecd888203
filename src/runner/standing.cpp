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

SeenData seen_by(const RunRecord& checkpoint) {
  return {.record = checkpoint.data,
          .epoch_iterations = checkpoint.train.empty() ? 0 : checkpoint.train.front().iteration};
}

FileStamp stamp_of(const std::string& file) {
  struct stat status {};
  if (stat(file.c_str(), &status) != 0) return {};
  return {static_cast<std::int64_t>(status.st_ino), status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

std::map<std::string, std::string> known_runs(const std::string& folder) {
  std::map<std::string, std::string> ids;
  std::error_code code;
  const auto look = [&](const std::string& where, std::string_view ending) {
    for (const fs::directory_entry& entry : fs::directory_iterator(where, code)) {
      const std::string name = entry.path().filename().string();
      if (!name.ends_with(ending) || name.size() <= kHashDigits + ending.size()) continue;
      const std::string id = name.substr(0, name.size() - ending.size());
      ids.emplace(id.substr(id.size() - kHashDigits), id);
    }
  };
  look(folder, ".h5");
  look(folder + "/.qrun", ".ckpt.h5");
  look(folder + "/.qrun", ".ckpt.previous.h5");
  return ids;
}

namespace {

/// Without what a checkpoint says.
Standing standing_by_files(const std::string& file, const std::string& checkpoint) {
  Standing standing;
  const bool resumable = fs::exists(checkpoint) || fs::exists(previous_checkpoint(checkpoint));
  standing.stage = resumable ? Stage::kResume : Stage::kNew;
  standing.stamp = stamp_of(file);
  if (standing.stamp == FileStamp{}) return standing;
  standing.path = file;
  try {
    const RunRecord record = read_run(file, ReadDepth::kSummary);
    if (record.status == "complete") standing.stage = Stage::kComplete;
    if (record.status == "failed") standing.stage = Stage::kFailed;
    standing.error = record.error;
    standing.swept = record.swept;
    standing.seen.record = record.data;
  } catch (const Unreadable& error) {
    throw EnvironmentError(error.what());
  } catch (const Error& error) {
    spdlog::warn(R"(damaged file="{}" action="run again" reason="{}")", file, error.what());
  }
  return standing;
}

}  // namespace

Standing standing_of(const std::string& file, const std::string& checkpoint) {
  Standing standing = standing_by_files(file, checkpoint);
  if (standing.stage != Stage::kResume) return standing;
  if (const std::optional<RunRecord> record = read_checkpoint_record(checkpoint)) standing.seen = seen_by(*record);
  return standing;
}

}  // namespace qrun
