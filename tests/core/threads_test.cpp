#include "core/threads.h"

#include <gmock/gmock.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

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

TEST(OnThreads, CallsForEachItemOnce) {
  for (const std::int64_t threads : {1, 2, 5}) {
    for (const std::int64_t items : {0, 1, 3, 1000}) {
      std::vector<std::atomic<int>> calls(static_cast<std::size_t>(items));
      on_threads(threads, items, [&](std::int64_t i) { ++calls[static_cast<std::size_t>(i)]; });
      for (const std::atomic<int>& count : calls) ASSERT_EQ(count, 1) << threads << " threads, " << items << " items";
    }
  }
}

TEST(OnThreads, RethrowsTheExceptionOfTheFirstItem) {
  for (int trial = 0; trial < 100; ++trial) {
    const auto fails = [](std::int64_t i) {
      if (i >= 37) throw std::runtime_error(std::to_string(i));
    };
    try {
      on_threads(4, 1000, fails);
      FAIL() << "nothing thrown";
    } catch (const std::runtime_error& error) {
      ASSERT_STREQ(error.what(), "37");
    }
  }
}

}  // namespace
}  // namespace qrun
