// Live lines: they fit the terminal, however narrow.
#include "runner/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qrun {
namespace {

const RunProgress kRun{.run_id = "w_bits=2,seed=1-0123456789ab",
                       .iteration = 50,
                       .iterations = 100,
                       .epoch = 5,
                       .epochs = 10,
                       .loss = 0.25,
                       .accuracy = 0.9,
                       .images_per_second = 12345,
                       .seconds_left = 61};

/// Characters, as a terminal counts those of the bar.
std::size_t columns(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

TEST(LiveLine, FitsAnyWidth) {
  for (std::size_t width = 14; width < 200; ++width) EXPECT_LT(columns(line_of(kRun, width)), width) << width;
}

TEST(LiveLine, ShowsAllOnAWideTerminal) {
  EXPECT_EQ(line_of(kRun, 120),
            "w_bits=2,seed=1-0123456789ab ━━━━━╌╌╌╌╌ epoch  5/10 loss 0.2500 acc 0.9000  12345/s left 1m01s");
}

TEST(LiveLine, KeepsWhatMattersOnANarrowOne) {
  EXPECT_EQ(line_of(kRun, 60), "w_bits=2,seed epoch  5/10 loss 0.2500 acc 0.9000 left 1m01s");
}

TEST(Duration, HasTheUnitsThatMatter) {
  EXPECT_EQ(duration_text(0.4), "0s");
  EXPECT_EQ(duration_text(59.6), "1m00s");
  EXPECT_EQ(duration_text(3725), "1h02m");
}

}  // namespace
}  // namespace qrun
