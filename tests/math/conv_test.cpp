// Windows of convolutions against all positions and taps, one by one.
#include "math/conv.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>
#include <utility>

namespace qrun {
namespace {

using Pairs = std::set<std::pair<int, int>>;  // tap, window

const ConvSide<int> kSides[] = {
    {.size = 8, .k = 3, .stride = 1, .pad = 1, .dilation = 1},
    {.size = 7, .k = 3, .stride = 2, .pad = 1, .dilation = 1},
    {.size = 9, .k = 2, .stride = 3, .pad = 0, .dilation = 1},
    {.size = 9, .k = 3, .stride = 1, .pad = 4, .dilation = 4},
    {.size = 13, .k = 4, .stride = 2, .pad = 3, .dilation = 3},
    {.size = 17, .k = 5, .stride = 6, .pad = 5, .dilation = 4},
    {.size = 15, .k = 4, .stride = 4, .pad = 2, .dilation = 2},
    {.size = 1, .k = 1, .stride = 3, .pad = 1, .dilation = 1},
    {.size = 5, .k = 2, .stride = 1, .pad = 9, .dilation = 6},
};

std::string text(const ConvSide<int>& side) {
  return "k " + std::to_string(side.k) + " stride " + std::to_string(side.stride) + " dilation " +
         std::to_string(side.dilation);
}

/// All taps and windows that meet a position, of windows from `first` on, up to `last`.
Pairs meeting(const ConvSide<int>& side, int position, int first, int last) {
  Pairs pairs;
  for (int out = first; out <= last; ++out) {
    for (int tap = 0; tap < side.k; ++tap) {
      if (out * side.stride - side.pad + tap * side.dilation == position) pairs.insert({tap, out});
    }
  }
  return pairs;
}

Pairs pairs_of(const Reach<int>& reach) {
  Pairs pairs;
  for (int t = 0; t < reach.count; ++t) pairs.insert({reach.first + t * reach.step, reach.out - t * reach.out_step});
  return pairs;
}

TEST(ConvWindow, AreAsManyAsFitIntoTheBorder) {
  for (const ConvSide<int>& side : kSides) {
    int windows = 0;
    while (windows * side.stride - side.pad + (side.k - 1) * side.dilation < side.size + side.pad) ++windows;
    EXPECT_EQ(outputs_of(side), windows) << text(side);
  }
}

TEST(ConvWindow, ReachAllThatMeetAPosition) {
  for (const ConvSide<int>& side : kSides) {
    for (int position = 0; position < side.size; ++position) {
      EXPECT_EQ(pairs_of(reach_of(side, position)), meeting(side, position, -100, 100))
          << text(side) << " " << position;
      EXPECT_EQ(pairs_of(reach_inside(side, position)), meeting(side, position, 0, outputs_of(side) - 1))
          << text(side) << " " << position;
    }
  }
}

TEST(ConvWindow, MeetTheImageWithSomeOfTheirTaps) {
  for (const ConvSide<int>& side : kSides) {
    const int outputs = outputs_of(side);
    const auto meets = [&](int out, int tap) {
      const int position = position_of(side, out, tap);
      return 0 <= position && position < side.size;
    };
    const Span<int> whole = whole_windows(side, outputs);
    for (int out = 0; out < outputs; ++out) {
      const Span<int> taps = taps_inside(side, out);
      int meeting = 0;
      for (int tap = 0; tap < side.k; ++tap) {
        const Span<int> windows = windows_with(side, tap, outputs);
        EXPECT_EQ(taps.begin <= tap && tap < taps.end, meets(out, tap)) << text(side) << " " << out << " " << tap;
        EXPECT_EQ(windows.begin <= out && out < windows.end, meets(out, tap)) << text(side) << " " << out << " " << tap;
        meeting += meets(out, tap) ? 1 : 0;
      }
      EXPECT_EQ(whole.begin <= out && out < whole.end, meeting == side.k) << text(side) << " " << out;
    }
    EXPECT_LE(whole.begin, whole.end);
  }
}

TEST(ConvWindow, AHugeStrideIsNotSearched) {
  const ConvSide<std::int64_t> side{.size = 5, .k = 2, .stride = 1 << 20, .pad = 0, .dilation = 1};
  EXPECT_EQ(reach_of(side, std::int64_t{1}).first, 1);
  EXPECT_EQ(reach_of(side, std::int64_t{2}).count, 0);
}

}  // namespace
}  // namespace qrun
