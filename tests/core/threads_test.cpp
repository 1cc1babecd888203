#include "core/threads.h"

#include <gmock/gmock.h>

#include <atomic>
#include <stdexcept>

namespace qrun {
namespace {

TEST(OnThreads, CallsTheBodyOnEach) {
  for (const std::int64_t count : {1, 2, 7}) {
    std::atomic<std::int64_t> calls = 0;
    on_threads(count, [&] { ++calls; });
    EXPECT_EQ(calls, count);
  }
}

TEST(OnThreads, CallsItOnceWhereNoneAreAskedFor) {
  int calls = 0;
  on_threads(0, [&] { ++calls; });
  EXPECT_EQ(calls, 1);
}

TEST(OnThreads, LetsAllEndAndRethrowsOneFailure) {
  std::atomic<int> calls = 0;
  const auto fails = [&] {
    ++calls;
    throw std::runtime_error("it failed");
  };
  EXPECT_THAT([&] { on_threads(5, fails); }, testing::ThrowsMessage<std::runtime_error>("it failed"));
  EXPECT_EQ(calls, 5);
}

}  // namespace
}  // namespace qrun
