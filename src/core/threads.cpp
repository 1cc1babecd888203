#include "core/threads.h"

#include <exception>
#include <mutex>
#include <system_error>
#include <vector>

#include "core/error.h"

namespace qrun {

std::thread start_thread(std::function<void()> body) {
  try {
    return std::thread(std::move(body));
  } catch (const std::system_error& error) {
    throw EnvironmentError("cannot start a thread: " + error.code().message() +
                           "; use fewer --threads, or raise the limits of processes and memory (ulimit -u, ulimit -v)");
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

}  // namespace qrun
