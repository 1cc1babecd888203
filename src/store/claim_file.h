// The file that says which process trains a run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace qrun {

/// A process as others can tell it: `place` is one boot of one machine and one numbering of its processes.
struct Owner {
  std::string host, place;
  std::int64_t pid = 0, started = 0;  // started: in clock ticks since the boot
  std::string job, node;              // of a cluster's scheduler: `JOB_ELEMENT`, and where; or empty
  std::int64_t beat = 0;

  [[nodiscard]] bool same_process(const Owner& other) const {
    return place == other.place && pid == other.pid && started == other.started;
  }
  [[nodiscard]] bool same_beat(const Owner& other) const { return same_process(other) && beat == other.beat; }
};

/// One boot of this machine and one numbering of its processes.
[[nodiscard]] std::string this_place();

/// Returns when a process of this place started, in clock ticks since the boot; -1 if it has ended.
[[nodiscard]] std::int64_t start_of(std::int64_t pid);

/// Whether the process is no more, as a process of `place` can tell; nothing where it can't: the owner is of another
/// place, or another user's that is hidden.
[[nodiscard]] std::optional<bool> has_ended(const Owner& owner, const std::string& place);

[[nodiscard]] std::string claim_text(const Owner& owner);

/// Who holds a claim; nothing where there is none or it can't be read.
[[nodiscard]] std::optional<Owner> read_claim(const std::string& path);

}  // namespace qrun
