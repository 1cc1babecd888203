// What has become of a run.
#pragma once

#include <array>
#include <cstdint>

#include "core/enum_names.h"

namespace qrun {

enum class RunStatus : std::uint8_t {
  kInterrupted,
  kComplete,
  kFailed,
  kRunning,    // a process trains it: only a leaderboard says so
  kTakenOver,  // another process has taken it over: of one that trained it here
  kLeft,       // its file can't be replaced: likewise
};
inline constexpr std::array kRunStatusNames = {"interrupted", "complete", "failed", "running", "taken over", "left"};
constexpr const auto& names_of(RunStatus /*status*/) { return kRunStatusNames; }
static_assert(names_all_to(RunStatus::kLeft));

/// True if the file of a run may have this status.
[[nodiscard]] constexpr bool is_of_file(RunStatus status) { return status <= RunStatus::kFailed; }

/// True if a run of this status is not gone on with.
[[nodiscard]] constexpr bool has_ended(RunStatus status) {
  return status == RunStatus::kComplete || status == RunStatus::kFailed;
}

}  // namespace qrun
