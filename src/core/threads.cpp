#include "core/threads.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <vector>

#include "core/error.h"

namespace qrun {

namespace {

[[noreturn]] void refuse(const std::error_code& reason) {
  throw EnvironmentError("cannot start a thread: " + reason.message() +
                         "; use fewer --threads, or raise the limits of processes and memory (ulimit -u, ulimit -v)");
}

}  // namespace

std::thread start_thread(std::function<void()> body) {
  try {
    return std::thread(std::move(body));
  } catch (const std::system_error& error) {
    refuse(error.code());
  } catch (const std::bad_alloc&) {  // chance decides whether the stack or what is kept of the thread finds no memory
    refuse(std::make_error_code(std::errc::resource_unavailable_try_again));
  }
}

void on_threads(std::int64_t count, const std::function<void()>& body) {
  std::mutex mutex;
  std::exception_ptr error;
  const auto guarded = [&] {
    try {
      body();
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!error) error = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  try {
    others.reserve(static_cast<std::size_t>(count));
    while (std::ssize(others) + 1 < count) others.push_back(start_thread(guarded));
  } catch (const std::exception&) {  // those that run do all the work
  }
  guarded();
  for (std::thread& thread : others) thread.join();
  if (error) std::rethrow_exception(error);
}

void on_threads(std::int64_t count, std::int64_t items, const std::function<void(std::int64_t)>& body) {
  std::atomic<std::int64_t> next = 0;
  std::mutex mutex;
  std::int64_t failed = items;
  std::exception_ptr error;
  on_threads(std::min(count, items), [&] {
    for (std::int64_t i = next++; i < items; i = next++) {
      try {
        body(i);
      } catch (...) {
        next = items;  // all before it are under way
        const std::lock_guard lock(mutex);
        if (i < failed) error = std::current_exception();
        failed = std::min(failed, i);
      }
    }
  });
  if (error) std::rethrow_exception(error);
}

}  // namespace qrun
