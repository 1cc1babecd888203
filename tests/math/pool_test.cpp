// Windows against all positions, one by one.
#include "math/pool.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace qrun {
namespace {

const PoolSide<int> kSides[] = {
    {.size = 8, .k = 2, .stride = 2, .pad = 0}, {.size = 7, .k = 3, .stride = 2, .pad = 1},
    {.size = 9, .k = 2, .stride = 3, .pad = 1}, {.size = 5, .k = 5, .stride = 1, .pad = 2},
    {.size = 1, .k = 1, .stride = 1, .pad = 0},
};

/// Windows that begin inside the image or its upper border.
int outputs(const PoolSide<int>& side) { return (side.size + side.pad - 1) / side.stride + 1; }

/// How many positions of a window satisfy `from` <= position < `to`, and the first of them.
Span<int> counted(const PoolSide<int>& side, int out, int from, int to) {
  Span<int> span{to, from};
  for (int i = 0; i < side.k; ++i) {
    const int position = out * side.stride - side.pad + i;
    if (position < from || position >= to) continue;
    span.begin = position < span.begin ? position : span.begin;
    span.end = position + 1;
  }
  return span;
}

TEST(PoolWindow, HasThePositionsInsideTheImage) {
  for (const PoolSide<int>& side : kSides) {
    for (int out = 0; out < outputs(side); ++out) {
      const Span<int> want = counted(side, out, 0, side.size);
      if (want.begin >= want.end) continue;  // none: lowering gives no such window
      const Span<int> got = window_of(side, out);
      EXPECT_EQ(got.begin, want.begin) << "k " << side.k << " output " << out;
      EXPECT_EQ(got.end, want.end) << "k " << side.k << " output " << out;
    }
  }
}

/// Windows as PyTorch counts them.
int counted_windows(const PoolSide<int>& side, bool ceil_mode) {
  int windows = 1;
  for (int begin = side.stride - side.pad;; begin += side.stride, ++windows) {
    const bool is_whole = begin + side.k <= side.size + side.pad;
    const bool has_rest = ceil_mode && begin - side.stride + side.k < side.size + side.pad && begin < side.size;
    if (!is_whole && !has_rest) return windows;
  }
}

TEST(PoolWindow, ARestMakesAWindowThatBeginsInsideOnRequest) {
  for (int size = 1; size < 12; ++size) {
    for (int k = 1; k <= size; ++k) {
      for (int stride = 1; stride < 6; ++stride) {
        for (int pad = 0; 2 * pad <= k; ++pad) {
          const PoolSide<int> side{.size = size, .k = k, .stride = stride, .pad = pad};
          for (const bool ceil_mode : {false, true})
            EXPECT_EQ(outputs_of(side, ceil_mode), counted_windows(side, ceil_mode))
                << "size " << size << " k " << k << " stride " << stride << " pad " << pad << " ceil " << ceil_mode;
        }
      }
    }
  }
  EXPECT_EQ(outputs_of(PoolSide<int>{.size = 6, .k = 2, .stride = 3, .pad = 0}, true), 2)
      << "a third one would begin at the end, without padding";
}

TEST(PoolWindow, CountsTheBorderOnRequest) {
  for (const PoolSide<int>& side : kSides) {
    for (int out = 0; out < outputs(side); ++out) {
      const Span<int> want = counted(side, out, -side.pad, side.size + side.pad);
      EXPECT_EQ(padded_length(side, out), want.end - want.begin) << "k " << side.k << " output " << out;
    }
  }
}

TEST(PoolWindow, DividesByItsPositions) {
  const PoolSide<std::int64_t> rows{.size = 7, .k = 3, .stride = 2, .pad = 1};
  const PoolSide<std::int64_t> columns{.size = 6, .k = 2, .stride = 2, .pad = 0};
  const auto divisor = [&](std::int64_t oy, std::int64_t ox, bool border) {
    return window_divisor(rows, columns, oy, ox, border);
  };
  EXPECT_EQ(divisor(0, 0, false), 4.0F) << "one of three rows lies in the border";
  EXPECT_EQ(divisor(0, 0, true), 6.0F);
  EXPECT_EQ(divisor(1, 1, false), 6.0F);
  EXPECT_EQ(divisor(1, 1, true), 6.0F);
}

}  // namespace
}  // namespace qrun
