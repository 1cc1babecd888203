// A pool of threads for short parallel loops: hundreds an iteration, a few microseconds each.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <thread>
#include <vector>

#include "core/mutex.h"

namespace qrun::cpu {

/// Runs loops on `threads` threads, the caller's among them. Which thread does what is left to chance, so a loop's body
/// must give the same result whoever runs it. Not reentrant.
class Workers {
 public:
  /// Throws EnvironmentError where the system gives not as many threads.
  explicit Workers(int threads);
  ~Workers() { end(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  [[nodiscard]] int threads() const { return static_cast<int>(pool_.size()) + 1; }

  /// Calls `body(i)` for i in [0, count) and returns when all are done. Rethrows the first exception of a body.
  template <class Body>
  void parallel(std::int64_t count, const Body& body) {
    if (pool_.empty() || count <= 1) {
      for (std::int64_t i = 0; i < count; ++i) body(i);
      return;
    }
    run([](const void* context, std::int64_t i) { (*static_cast<const Body*>(context))(i); }, &body, count);
  }

 private:
  using Call = void (*)(const void*, std::int64_t);

  void run(Call call, const void* context, std::int64_t count);
  bool run_one();
  void loop();
  void end();

  std::vector<std::thread> pool_;
  Call call_ = nullptr;
  const void* context_ = nullptr;
  Mutex error_mutex_;
  std::exception_ptr error_ QRUN_GUARDED_BY(error_mutex_);
  alignas(64) std::atomic<std::int64_t> remaining_{0};  // indices not yet taken; negative: none
  alignas(64) std::atomic<std::int64_t> done_{0};
  alignas(64) std::atomic<std::uint32_t> epoch_{0};  // of wake-ups
  std::atomic<int> sleepers_{0};
  std::atomic<bool> stop_{false};
};

}  // namespace qrun::cpu
