// Division by multiplication, as the kernels' index arithmetic does it: exact for every numerator below 2^31.
#include "cuda/divisor.h"

#include <gtest/gtest.h>

#include "math/rng.h"

namespace qrun::cuda {
namespace {

void expect_exact(int n, const Divisor& by) {
  ASSERT_EQ(by.quotient(n), n / by.value()) << n << " / " << by.value();
  ASSERT_EQ(by.remainder(n), n % by.value()) << n << " % " << by.value();
}

TEST(Divisor, IsExactAroundEveryMultiple) {
  constexpr int kLast = 0x7fffffff;
  std::vector<int> divisors = {kLast, kLast - 1};
  for (int d = 1; d <= 300; ++d) divisors.push_back(d);
  for (int bits = 9; bits < 31; ++bits) {
    for (const int near : {-1, 0, 1}) divisors.push_back((1 << bits) + near);
  }
  for (const int d : divisors) {
    const Divisor by(d);
    for (std::uint64_t i = 0; i < 200; ++i) {
      const auto multiple =
          static_cast<std::int64_t>(random_below(1, static_cast<std::uint64_t>(d), i, kLast / d + 1ULL)) * d;
      for (const std::int64_t n : {multiple - 1, multiple, multiple + 1}) {
        if (n >= 0 && n <= kLast) expect_exact(static_cast<int>(n), by);
      }
    }
    expect_exact(0, by);
    expect_exact(kLast, by);
  }
}

TEST(Divisor, IsExactForEverySmallPair) {
  for (int d = 1; d <= 200; ++d) {
    const Divisor by(d);
    for (int n = 0; n < 2000; ++n) expect_exact(n, by);
  }
}

}  // namespace
}  // namespace qrun::cuda
