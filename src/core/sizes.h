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

}  // namespace qrun
