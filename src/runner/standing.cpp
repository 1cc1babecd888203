#include "runner/standing.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/error.h"
#include "core/log.h"
#include "store/layout.h"

namespace qrun {
namespace fs = std::filesystem;

Stage stage_after(RunStatus status) {
  if (status == RunStatus::kComplete) return Stage::kComplete;
  return status == RunStatus::kFailed ? Stage::kFailed : Stage::kResume;
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

KnownRuns known_runs(const std::string& folder) {
  KnownRuns known;
  std::error_code code;
  const auto look = [&](const std::string& where, FileKind kind) {
    std::set<std::string> ids;  // in an order that doesn't depend on the file system
    for (const fs::directory_entry& entry : fs::directory_iterator(where, code)) {
      const std::optional<RunFileName> name = parse_file_name(entry.path().filename().string());
      if (name && name->kind == kind) ids.insert(name->run_id);
    }
    for (const std::string& id : ids) known[hash_of(id)].push_back(id);
  };
  const Layout layout(folder);
  look(layout.folder(), FileKind::kRun);
  look(layout.hidden(), FileKind::kCheckpoint);
  look(layout.hidden(), FileKind::kPreviousCheckpoint);
  return known;
}

std::string known_as(const KnownRuns& known, const std::string& id) {
  const auto at = known.find(hash_of(id));
  if (at == known.end() || std::ranges::find(at->second, id) != at->second.end()) return id;
  return at->second.front();
}

namespace {

constexpr const char* kMoveAway = "; move it away, for the run's belongs there";

/// Adds what a run's file says; of another run's, which a link or a copy has put there, only that it is in the way.
void add_file(const std::string& file, Standing& standing) {
  const RunRecord record = read_run(file, ReadDepth::kSummary);
  if (hash_of(record.run_id) != hash_of(fs::path(file).stem())) {
    standing.left = file + ": holds run " + record.run_id + kMoveAway;
    return;
  }
  if (has_ended(record.status)) standing.stage = stage_after(record.status);
  standing.error = record.error;
  standing.swept = record.swept;
  standing.seen.record = record.data;
}

/// Returns where a run stands, without what a checkpoint says.
Standing standing_by_files(const std::string& file, const std::string& checkpoint) {
  Standing standing;
  const bool resumable = fs::exists(checkpoint) || fs::exists(previous_checkpoint(checkpoint));
  standing.stage = resumable ? Stage::kResume : Stage::kNew;
  standing.stamp = stamp_of(file);
  if (standing.stamp == FileStamp{}) return standing;
  standing.path = file;
  if (!fs::is_regular_file(file)) {
    standing.left = file + ": not a file" + kMoveAway;
    return standing;
  }
  try {
    add_file(file, standing);
  } catch (const Unreadable& error) {
    standing.left = error.what();
  } catch (const NotARun& error) {
    standing.left = std::string(error.what()) + kMoveAway;
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
