// Arithmetic of sizes. Those that a user wrote are multiplied and added without overflow: what 64 bits can't hold stays
// kTooLarge, which no memory holds, so that one comparison at the end finds it.
#pragma once

#include <cstdint>
#include <limits>

namespace qrun {

inline constexpr std::int64_t kTooLarge = std::numeric_limits<std::int64_t>::max();

/// a * b of sizes, neither negative.
[[nodiscard]] constexpr std::int64_t times(std::int64_t a, std::int64_t b) {
  return b != 0 && a > kTooLarge / b ? kTooLarge : a * b;
}

/// a + b of sizes, neither negative.
[[nodiscard]] constexpr std::int64_t plus(std::int64_t a, std::int64_t b) {
  return a > kTooLarge - b ? kTooLarge : a + b;
}

/// a / b rounded up, for a >= 0 and b > 0.
[[nodiscard]] constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// The least multiple of `to` that is no less than a, for a >= 0.
[[nodiscard]] constexpr int round_up(int a, int to) { return static_cast<int>(ceil_div(a, to)) * to; }

/// The size of parts when `all` is cut into as few as hold `most` each, all of one size but the last.
[[nodiscard]] constexpr int even_part(int all, int most) {
  return static_cast<int>(ceil_div(all, ceil_div(all, most)));
}

}  // namespace qrun
