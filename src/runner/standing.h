// Where runs stand, by what lies in their folder.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/run_spec.h"
#include "core/enum_names.h"
#include "store/checkpoint.h"

namespace qrun {

/// What a sweep finds of a run, and so what it does next.
enum class Stage : std::uint8_t { kNew, kResume, kComplete, kFailed };
inline constexpr std::array kStageNames = {"new", "resume", "complete", "failed"};
constexpr const auto& names_of(Stage /*stage*/) { return kStageNames; }
static_assert(names_all_to(Stage::kFailed));

/// Returns the stage of a run that this process has trained.
[[nodiscard]] Stage stage_after(RunStatus status);

/// What tells a file from the one that was there before it was written anew, however soon. All 0: no file.
using FileStamp = std::array<std::int64_t, 3>;
[[nodiscard]] FileStamp stamp_of(const std::string& file);

/// What is known of the data that a run saw.
struct SeenData {
  std::optional<DataRecord> record = {};  // none where the program did not record it yet
  std::int64_t epoch_iterations = 0;      // of a run that goes on: they follow from the number of items; 0: not known
};
[[nodiscard]] SeenData seen_by(const RunRecord& checkpoint);

struct Standing {
  Stage stage = Stage::kNew;
  std::string path;                                             // of the run's file, if there is one
  std::string error;                                            // of a failed run
  std::vector<std::pair<std::string, std::string>> swept = {};  // that the file names, as RunRecord has them
  FileStamp stamp{};                                            // of that file
  std::string left = {};                                        // why nothing is done about the run, or ""
  SeenData seen = {};                                           // by its checkpoint where it goes on, else by its file
};

/// The ids under which runs have a file or a checkpoint in a folder, by the hash at their end: the readable part may be
/// that of another sweep, or of a copy. Those with a file come first.
using KnownRuns = std::map<std::string, std::vector<std::string>>;
[[nodiscard]] KnownRuns known_runs(const std::string& folder);

/// The id under which a run is known, where it is; its own before others.
[[nodiscard]] std::string known_as(const KnownRuns& known, const std::string& id);

/// Returns where a run stands by its file and its checkpoints, where they are. A damaged file is named in the log, and
/// its run counts as not complete; one that may be sound and can't be read, holds something else than the run, or is no
/// file, is left.
[[nodiscard]] Standing standing_of(const std::string& file, const std::string& checkpoint);

}  // namespace qrun
