// Who trains which run: several processes, on one machine or on several over a shared file system, share a folder.
// A claim is a file that names its process and holds a counter, its heartbeat.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <thread>

#include "core/mutex.h"
#include "store/claim_file.h"
#include "store/layout.h"

namespace qrun {

[[nodiscard]] Owner this_process();

/// Claims of one folder. A claim of a process that has ended is taken over: at once where the process would run in
/// this place or was an earlier start of this very job of a scheduler, else when its heartbeat has stood still while
/// this process's own has beaten for `patience`. Time that passes without beats does not count: a clock that jumps, a
/// machine that slept, a file server that was away stop both hearts. Members may be called from any thread. Throws
/// EnvironmentError where the folder can't be written.
class Claims {
 public:
  static constexpr std::chrono::milliseconds kPatience{60000};
  static constexpr int kBeats = 12;  // while others have patience

  explicit Claims(const std::string& folder, Owner me = this_process(), std::chrono::milliseconds patience = kPatience);
  ~Claims();  // gives all back
  Claims(const Claims&) = delete;
  Claims& operator=(const Claims&) = delete;

  /// True if the run is ours now. Throws Irreplaceable where a folder lies in the claim's place.
  [[nodiscard]] bool take(const std::string& run_id);
  void release(const std::string& run_id);

  /// False if another process took the run over while this one stood still.
  [[nodiscard]] bool owns(const std::string& run_id);

 private:
  struct Watch {
    Owner seen;
    int beats = 0;  // of ours while theirs stood still
  };

  [[nodiscard]] std::string path(const std::string& run_id) const { return layout_.file(run_id, FileKind::kClaim); }
  [[nodiscard]] bool create(const std::string& run_id) QRUN_REQUIRES(mutex_);
  [[nodiscard]] Owner owner_of(const std::string& run_id) const;
  [[nodiscard]] bool is_dead(const std::string& run_id, const Owner& owner) QRUN_REQUIRES(mutex_);
  void renew() QRUN_REQUIRES(mutex_);
  void live();
  void watch() QRUN_REQUIRES(mutex_);
  void beat() QRUN_REQUIRES(mutex_);

  const Layout layout_;
  const std::chrono::milliseconds patience_;
  Mutex mutex_;
  Owner me_ QRUN_GUARDED_BY(mutex_);  // its counter of beats grows
  std::set<std::string> mine_ QRUN_GUARDED_BY(mutex_);
  std::map<std::string, Watch> watched_ QRUN_GUARDED_BY(mutex_);
  bool stop_ QRUN_GUARDED_BY(mutex_) = false;
  std::condition_variable wake_;
  std::thread heart_;
};

}  // namespace qrun
