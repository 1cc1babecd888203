// Who trains which run: several processes, on one machine or on several over a shared file system, share a folder.
// A claim is a file `.qrun/<run_id>.claim` that names its process and holds a counter, its heartbeat.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

namespace qrun {

/// A process as others can tell it: `place` is one boot of one machine and one numbering of its processes.
struct Owner {
  std::string host, place;
  std::int64_t pid = 0, started = 0;  // started: in clock ticks since the boot
  std::string job;                    // of a cluster's scheduler: job, element and node; or empty
  std::int64_t beat = 0;

  [[nodiscard]] bool same_process(const Owner& other) const {
    return place == other.place && pid == other.pid && started == other.started;
  }
};

[[nodiscard]] Owner this_process();

/// Claims of one folder. A claim of a process that has ended is taken over: at once where the process would run in
/// this place, else when its heartbeat has stood still for `patience` on this process's own monotonic clock.
/// Members may be called from any thread. Throws EnvironmentError where the folder can't be written.
class Claims {
 public:
  static constexpr std::chrono::milliseconds kPatience{60000};

  explicit Claims(std::string folder, Owner me = this_process(), std::chrono::milliseconds patience = kPatience);
  ~Claims();  // gives all back
  Claims(const Claims&) = delete;
  Claims& operator=(const Claims&) = delete;

  /// True if the run is ours now.
  [[nodiscard]] bool take(const std::string& run_id);
  void release(const std::string& run_id);

  /// False if another process took the run over while this one stood still.
  [[nodiscard]] bool owns(const std::string& run_id);

 private:
  struct Watch {
    Owner seen;
    std::chrono::steady_clock::time_point since;
  };

  [[nodiscard]] std::string path(const std::string& run_id) const { return folder_ + "/" + run_id + ".claim"; }
  [[nodiscard]] bool create(const std::string& run_id);
  [[nodiscard]] bool is_dead(const std::string& run_id, const Owner& owner);
  void beat();

  std::string folder_;
  Owner me_;
  std::chrono::milliseconds patience_;
  std::set<std::string> mine_;
  std::map<std::string, Watch> watched_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread heart_;
};

/// Who holds a claim; nothing where there is none or it can't be read.
[[nodiscard]] std::optional<Owner> read_claim(const std::string& path);

}  // namespace qrun
