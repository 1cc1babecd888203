// Names in a results folder: each is made and parsed here, and nowhere else. results/README.md says what the files are.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace qrun {

/// The hash at the end of an id, by which runs are recognised; all of it where there is none.
[[nodiscard]] std::string hash_of(const std::string& run_id);
[[nodiscard]] bool has_hash(const std::string& run_id);

/// What a file is to its run.
enum class FileKind : std::uint8_t {
  kRun,
  kJournal,
  kConfig,  // the resolved configuration
  kClaim,
  kCheckpoint,
  kPreviousCheckpoint,
  kSnapshot,  // of one epoch
};

/// The name of a file of a run, taken apart.
struct RunFileName {
  std::string run_id;
  FileKind kind = FileKind::kRun;
  std::int64_t epoch = 0;  // of a snapshot
};

/// Takes a file's name apart; nothing where no file of a run is called so.
[[nodiscard]] std::optional<RunFileName> parse_file_name(std::string_view name);

/// Whether a file may be the file or the journal of a run, whatever a user has called it.
[[nodiscard]] bool may_be_run_file(const std::filesystem::path& file);
[[nodiscard]] bool may_be_journal(const std::filesystem::path& file);

/// The checkpoint that stays beside `checkpoint` when that is written anew.
[[nodiscard]] std::string previous_checkpoint(const std::string& checkpoint);

inline constexpr std::string_view kIndexName = "sweep.h5";
inline constexpr std::string_view kSnapshotsName = "snapshots";
inline constexpr std::string_view kHiddenName = ".qrun";
/// What Slurm calls the logs of an element and of the job that collects.
inline constexpr const char* kElementLog = "%A_%a.log";
inline constexpr const char* kCollectLog = "collect_%j.log";

/// Where files lie in one results folder.
class Layout {
 public:
  explicit Layout(std::filesystem::path folder) : folder_(std::move(folder)) {}
  /// The layout of the sweep or run `name` in the folder of all results.
  Layout(const std::filesystem::path& results, const std::string& name) : Layout(results / name) {}
  /// Returns the layout of the folder that holds this file or journal of a run.
  [[nodiscard]] static Layout around(const std::filesystem::path& file) { return Layout(file.parent_path()); }

  [[nodiscard]] std::string folder() const { return folder_.string(); }
  /// Returns the path of a run's file of any kind but a snapshot.
  [[nodiscard]] std::string file(const std::string& run_id, FileKind kind) const;
  [[nodiscard]] std::string snapshot(const std::string& run_id, std::int64_t epoch) const;
  [[nodiscard]] std::string snapshots() const { return (folder_ / kSnapshotsName).string(); }
  /// Returns the path of a sweep's index: the numbers of all its runs.
  [[nodiscard]] std::string index() const { return (folder_ / kIndexName).string(); }

  /// The folder of what is qrun's own.
  [[nodiscard]] std::string hidden() const { return (folder_ / kHiddenName).string(); }
  [[nodiscard]] std::string sweep_config() const { return inside("sweep.yaml").string(); }
  [[nodiscard]] std::string claims_lock() const { return inside("claims.lock").string(); }
  /// Returns the path of a file that is written and removed to find out whether the folder can be written.
  [[nodiscard]] std::string probe() const { return inside("writable").string(); }
  [[nodiscard]] std::string batch_script() const { return inside("submit.sh").string(); }
  [[nodiscard]] std::string slurm_logs() const { return inside("slurm").string(); }

 private:
  [[nodiscard]] std::filesystem::path inside(std::string_view name) const { return folder_ / kHiddenName / name; }

  std::filesystem::path folder_;
};

}  // namespace qrun
