// Threads that may not start, and work that may fail on them.
#pragma once

#include <functional>
#include <thread>

namespace qrun {

/// A thread that runs `body`. Throws EnvironmentError where the system gives none.
[[nodiscard]] std::thread start_thread(std::function<void()> body);

/// Calls `body` on `count` threads, the caller's among them, or on as many as the system gives; each takes its share of
/// the work itself. Rethrows the first exception once all have ended.
void on_threads(std::int64_t count, const std::function<void()>& body);

/// Calls `body(i)` for each i below `items`, on `count` threads, or as many as the system gives, that take one after
/// the other. Once a call throws no further one begins; of several exceptions that of the smallest i is rethrown, on
/// one thread as on many.
void on_threads(std::int64_t count, std::int64_t items, const std::function<void(std::int64_t)>& body);

}  // namespace qrun
