#include "runner/results_folder.h"

#include <fmt/format.h>

#include <filesystem>
#include <string_view>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/fault.h"
#include "store/checkpoint.h"

namespace qrun {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kHashDigits = 12;

bool all_of(std::string_view text, std::string_view alphabet) {
  return text.find_first_not_of(alphabet) == std::string_view::npos;
}

/// `<readable>-<hash>.h5` or .jsonl, a temporary of one, the sweep's index, or a hidden file.
bool is_ours(const std::string& file) {
  const std::string_view name = final_name(file);
  if (file.starts_with('.') || name == "sweep.h5") return true;
  const std::string_view stem = name.substr(0, name.rfind('.'));
  const std::string_view ending = name.substr(stem.size());
  if (stem.size() <= kHashDigits || (ending != ".h5" && ending != ".jsonl")) return false;
  const std::string_view tail = stem.substr(stem.size() - kHashDigits - 1);
  return tail.starts_with('-') && all_of(tail.substr(1), "0123456789abcdef");
}

/// Does nothing where there is no such file.
void move(const std::string& from, const std::string& to) {
  std::error_code code;
  fs::rename(from, to, code);
  if (code && code != std::errc::no_such_file_or_directory)
    throw EnvironmentError("cannot rename " + from + ": " + code.message());
  fault_point("run.renamed");
}

void refuse_foreign_files(const std::string& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file() && !is_ours(name)) {
      throw ConfigError(
          {folder, 0, 0}, "output.dir",
          "the folder holds " + name + ", which is not a result of qrun; choose another name or output.dir");
    }
  }
}

}  // namespace

ResultsFolder::ResultsFolder(const std::string& dir, const std::string& name) : path_((fs::path(dir) / name).string()) {
  std::error_code code;
  if (fs::is_directory(path_, code)) refuse_foreign_files(path_);
  for (const char* folder : {"", "/.qrun", "/snapshots"}) remove_abandoned(path_ + folder);
  const std::string probe = path_ + "/.qrun/writable";  // found out now, not after an hour of training
  write_text(probe, "");
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
