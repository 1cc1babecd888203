#include "runner/results_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/fault.h"
#include "store/checkpoint.h"
#include "store/foreign.h"

namespace qrun {
namespace {

namespace fs = std::filesystem;

/// `<id>.h5`, `<id>.jsonl`, `<id>.epoch-0001.h5`, or the sweep's index.
bool is_ours(const std::string& name) {
  return name == "sweep.h5" || has_hash(name.substr(0, std::min(name.rfind('.'), name.find(".epoch-"))));
}

/// Temporary files that a killed process has left; those of other programs stay.
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

/// Does nothing where there is no such file.
void move(const std::string& from, const std::string& to) {
  std::error_code code;
  fs::rename(from, to, code);
  if (code && code != std::errc::no_such_file_or_directory) fail_to_replace(to, code.value());
  fault_point("run.renamed");
}

}  // namespace

ResultsFolder::ResultsFolder(const std::string& dir, const std::string& name) : path_((fs::path(dir) / name).string()) {
  for (const char* folder : {"", "/snapshots"}) remove_abandoned_runs(path_ + folder);
  remove_abandoned(path_ + "/.qrun");
  const std::string probe = path_ + "/.qrun/writable";  // found out now, not after an hour of training
  write_text(probe, "");
  std::error_code code;
  fs::remove(probe, code);
}

std::set<std::string> ResultsFolder::under_way() const {
  std::set<std::string> ids;
  for (const std::string& folder : {path_, path_ + "/.qrun"}) {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      for (const std::string_view ending : {".jsonl", ".claim", ".ckpt.h5", ".ckpt.previous.h5"}) {
        if (name.ends_with(ending)) ids.insert(name.substr(0, name.size() - ending.size()));
      }
    }
  }
  return ids;
}

/// The run's file last: it is what the run is found by, and a kill may come between.
void ResultsFolder::adopt(const std::string& id, const RunSpec& run) const {
  const std::string hidden = path_ + "/.qrun/" + id;
  std::error_code code;
  fs::remove(path_ + "/" + id + ".jsonl", code);
  for (const fs::directory_entry& entry : fs::directory_iterator(path_ + "/snapshots", code)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(id + ".epoch-")) move(entry.path(), path_ + "/snapshots/" + run.id() + name.substr(id.size()));
  }
  move(hidden + ".yaml", frozen(run));
  move(hidden + ".ckpt.previous.h5", previous_checkpoint(checkpoint(run)));
  move(hidden + ".ckpt.h5", checkpoint(run));
  move(path_ + "/" + id + ".h5", run_file(run));
}

void ResultsFolder::tidy(const RunSpec& run) const {
  std::error_code code;
  fs::remove(journal(run), code);
  remove_checkpoints(checkpoint(run));
}

std::string ResultsFolder::snapshot(const RunSpec& run, std::int64_t epoch) const {
  return fmt::format("{}/snapshots/{}.epoch-{:04}.h5", path_, run.id(), epoch);
}

}  // namespace qrun
