// A mutex that clang's -Wthread-safety follows: a member says which mutex guards it, and lint refuses to touch it
// without (https://clang.llvm.org/docs/ThreadSafetyAnalysis.html). The standard library's are not annotated.
#pragma once

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define QRUN_THREAD_SAFETY(attribute) __attribute__((attribute))
#else
#define QRUN_THREAD_SAFETY(attribute)
#endif
/// The member may be touched only by who holds `mutex`.
#define QRUN_GUARDED_BY(mutex) QRUN_THREAD_SAFETY(guarded_by(mutex))
/// The caller of the function holds `mutex`.
#define QRUN_REQUIRES(mutex) QRUN_THREAD_SAFETY(requires_capability(mutex))

namespace qrun {

class QRUN_THREAD_SAFETY(capability("mutex")) Mutex {
 private:
  friend class Lock;
  std::mutex mutex_;
};

/// Holds a mutex from here to the end of the scope, but for the time between unlock() and lock().
class QRUN_THREAD_SAFETY(scoped_lockable) Lock {
 public:
  explicit Lock(Mutex& mutex) QRUN_THREAD_SAFETY(acquire_capability(mutex)) : lock_(mutex.mutex_) {}
  ~Lock() QRUN_THREAD_SAFETY(release_capability()) = default;
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  void lock() QRUN_THREAD_SAFETY(acquire_capability()) { lock_.lock(); }
  void unlock() QRUN_THREAD_SAFETY(release_capability()) { lock_.unlock(); }

  /// Returns the lock for std::condition_variable: waiting gives the mutex away and takes it again. No predicate: a
  /// lambda is a function of its own, of which the analysis doesn't know that the mutex is held.
  [[nodiscard]] std::unique_lock<std::mutex>& to_wait() { return lock_; }

 private:
  std::unique_lock<std::mutex> lock_;
};

}  // namespace qrun
