// Division by a number that is known before a kernel starts, as a multiplication: index arithmetic divides at every
// element, and a device has no instruction for it.
//   n / d = (n m) >> 32 >> s     for 0 <= n < 2^31, with s = ceil(log2 d) - 1, m = ceil(2^(32 + s) / d)
// m fits 32 bits, and m d exceeds 2^(32 + s) by less than d <= 2^(s + 1), so that the error n (m d - 2^(32 + s)) /
// (d 2^(32 + s)) stays below n / 2^31 / d < 1 / d. (Granlund and Montgomery, PLDI 1994, section 4.)
#pragma once

#include <cstdint>

#include "core/hd.h"

namespace qrun::cuda {

class Divisor {
 public:
  Divisor() = default;  // by 1
  /// 1 <= d < 2^31.
  explicit Divisor(int d) : divisor_(d) {
    if (d == 1) return;  // multiplier 0 says so
    int bits = 0;        // ceil(log2 d)
    while ((std::int64_t{1} << bits) < d) ++bits;
    shift_ = bits - 1;
    const std::uint64_t power = std::uint64_t{1} << (32 + shift_);
    multiplier_ =
        static_cast<std::uint32_t>((power + static_cast<std::uint64_t>(d) - 1) / static_cast<std::uint64_t>(d));
  }
  [[nodiscard]] QRUN_HD int value() const { return divisor_; }
  [[nodiscard]] QRUN_HD int quotient(int n) const {
    const std::uint64_t product = std::uint64_t{static_cast<std::uint32_t>(n)} * multiplier_;
    const int result = static_cast<int>(static_cast<std::uint32_t>(product >> 32) >> shift_);
    return multiplier_ == 0 ? n : result;  // a choice, no branch
  }
  [[nodiscard]] QRUN_HD int remainder(int n) const { return n - quotient(n) * divisor_; }

 private:
  int divisor_ = 1;
  int shift_ = 0;
  std::uint32_t multiplier_ = 0;
};

}  // namespace qrun::cuda
