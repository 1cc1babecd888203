#include "cpu/workers.h"

#include <utility>

#include "core/threads.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace qrun::cpu {
namespace {

// Spinning longer starves others on a shared machine; sleeping at once costs tens of microseconds a loop.
constexpr int kSpins = 2000;
constexpr int kYields = 100;

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

/// Waits a while for `ready`, spinning first and then giving the processor away; false if it did not come.
template <class Ready>
bool wait_briefly(const Ready& ready) {
  for (int i = 0; i < kSpins; ++i) {
    if (ready()) return true;
    relax();
  }
  for (int i = 0; i < kYields; ++i) {
    if (ready()) return true;
    std::this_thread::yield();
  }
  return false;
}

}  // namespace

Workers::Workers(int threads) {
  try {
    pool_.reserve(static_cast<std::size_t>(threads));
    for (int i = 1; i < threads; ++i) pool_.push_back(start_thread([this] { loop(); }));
  } catch (...) {
    end();
    throw;
  }
}

void Workers::end() {
  stop_ = true;
  ++epoch_;
  epoch_.notify_all();
  for (std::thread& thread : pool_) thread.join();
}

void Workers::run(Call call, const void* context, std::int64_t count) {
  call_ = call;
  context_ = context;
  done_.store(0, std::memory_order_relaxed);
  remaining_.store(count);  // publishes the two above; a late worker that takes an index here belongs to this loop
  ++epoch_;
  if (sleepers_.load() > 0) epoch_.notify_all();
  while (run_one()) {
  }
  const auto finished = [&] { return done_.load(std::memory_order_acquire) == count; };
  while (!wait_briefly(finished)) {
  }
  const Lock lock(error_mutex_);
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

bool Workers::run_one() {
  if (remaining_.load(std::memory_order_relaxed) <= 0) return false;
  const std::int64_t index = remaining_.fetch_sub(1) - 1;
  if (index < 0) return false;
  try {
    call_(context_, index);
  } catch (...) {
    const Lock lock(error_mutex_);
    if (!error_) error_ = std::current_exception();
  }
  done_.fetch_add(1, std::memory_order_release);
  return true;
}

void Workers::loop() {
  const auto ready = [this] {
    return remaining_.load(std::memory_order_relaxed) > 0 || stop_.load(std::memory_order_relaxed);
  };
  while (!stop_) {
    while (run_one()) {
    }
    if (wait_briefly(ready)) continue;
    const std::uint32_t seen = epoch_.load();
    ++sleepers_;
    if (!ready()) epoch_.wait(seen);
    --sleepers_;
  }
}

}  // namespace qrun::cpu
