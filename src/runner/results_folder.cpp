#include "runner/results_folder.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string_view>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/fault.h"
#include "store/checkpoint.h"

namespace qrun {
namespace {

namespace fs = std::filesystem;

bool is_ours(const std::string& name) { return name == kIndexName || parse_file_name(name); }

/// Removes temporary files that a killed process has left; those of other programs stay.
void remove_abandoned_runs(const std::string& folder) {
  std::error_code code;
  std::set<std::string> ours;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, code)) {
    const std::string name = entry.path().filename().string();
    const std::string final(final_name(name));
    if (final != name && is_ours(final)) ours.insert(final);
  }
  for (const std::string& name : ours) remove_abandoned(folder, name);
}

/// Moves a file; does nothing where there is no such one.
void move(const std::string& from, const std::string& to) {
  std::error_code code;
  fs::rename(from, to, code);
  if (code && code != std::errc::no_such_file_or_directory) fail_to_replace(to, code.value());
  fault_point("run.renamed");
}

}  // namespace

ResultsFolder::ResultsFolder(const std::string& dir, const std::string& name) : layout_(dir, name) {
  for (const std::string& folder : {layout_.folder(), layout_.snapshots()}) remove_abandoned_runs(folder);
  remove_abandoned(layout_.hidden());
  const std::string probe = layout_.probe();  // found out now, not after an hour of training
  write_text(probe, "");
  std::error_code code;
  fs::remove(probe, code);
}

std::set<std::string> ResultsFolder::under_way() const {
  constexpr std::array kKinds = {FileKind::kJournal, FileKind::kClaim, FileKind::kCheckpoint,
                                 FileKind::kPreviousCheckpoint};
  std::set<std::string> ids;
  for (const std::string& folder : {layout_.folder(), layout_.hidden()}) {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      const std::optional<RunFileName> name = parse_file_name(entry.path().filename().string());
      if (name && std::ranges::find(kKinds, name->kind) != kKinds.end()) ids.insert(name->run_id);
    }
  }
  return ids;
}

/// Moves the run's file last: it is what the run is found by, and a kill may come between.
void ResultsFolder::adopt(const std::string& id, const RunSpec& run) const {
  std::error_code code;
  fs::remove(layout_.file(id, FileKind::kJournal), code);
  for (const fs::directory_entry& entry : fs::directory_iterator(layout_.snapshots(), code)) {
    const std::optional<RunFileName> name = parse_file_name(entry.path().filename().string());
    if (name && name->kind == FileKind::kSnapshot && name->run_id == id) move(entry.path(), snapshot(run, name->epoch));
  }
  for (const FileKind kind : {FileKind::kConfig, FileKind::kPreviousCheckpoint, FileKind::kCheckpoint, FileKind::kRun})
    move(layout_.file(id, kind), layout_.file(run.id(), kind));
}

void ResultsFolder::tidy(const RunSpec& run) const {
  std::error_code code;
  fs::remove(journal(run), code);
  remove_checkpoints(checkpoint(run));
}

}  // namespace qrun
