#include "runner/results_folder.h"

#include <fmt/format.h>

#include <filesystem>
#include <regex>

#include "core/error.h"
#include "store/atomic_file.h"

namespace qrun {
namespace {

namespace fs = std::filesystem;

/// `<readable>-<hash>.h5` or .jsonl, a temporary of one, the sweep's index, or a hidden file.
bool is_ours(const std::string& name) {
  static const std::regex pattern(R"(\..*|.*-[0-9a-f]{12}\.(h5|jsonl)(\.tmp\.[0-9]+)?|sweep\.h5(\.tmp\.[0-9]+)?)");
  return std::regex_match(name, pattern);
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
  const std::string probe = path_ + "/.qrun/writable";  // found out now, not after an hour of training
  write_text(probe, "");
  fs::remove(probe, code);
}

std::string ResultsFolder::snapshot(const RunSpec& run, std::int64_t epoch) const {
  return fmt::format("{}/snapshots/{}.epoch-{:04}.h5", path_, run.id(), epoch);
}

std::optional<std::string> find_run_file(const std::string& folder, const RunSpec& run) {
  std::error_code code;
  const std::string ending = "-" + run.hash() + ".h5";
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, code)) {
    if (entry.path().filename().string().ends_with(ending)) return entry.path().string();
  }
  return std::nullopt;
}

}  // namespace qrun
