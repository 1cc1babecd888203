#include "math/rng.h"

#include <gtest/gtest.h>

#include <set>

namespace qrun {
namespace {

TEST(Rng, IsTheSameEverywhere) {
  // Recorded once: run files depend on these numbers never changing.
  EXPECT_EQ(random_bits(0, 0, 0), 9639420846141804449ULL);
  EXPECT_EQ(random_bits(0xCAFFE, 1000, 12345), 2998354492185968173ULL);
}

TEST(Rng, GivesOtherNumbersForOtherSeedsStreamsAndIndices) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    for (std::uint64_t stream = 0; stream < 20; ++stream) {
      for (std::uint64_t index = 0; index < 20; ++index) seen.insert(random_bits(seed, stream, index));
    }
  }
  EXPECT_EQ(seen.size(), 8000U);
}

TEST(Rng, IsUniformAndNormal) {
  constexpr int kN = 200000;
  double sum = 0;
  double normal_sum = 0;
  double normal_squares = 0;
  int counts[10] = {};
  for (std::uint64_t i = 0; i < kN; ++i) {
    const double u = random_uniform(7, 1, i);
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u;
    ++counts[static_cast<int>(10 * u)];
    const double z = random_normal(7, 2, i);
    normal_sum += z;
    normal_squares += z * z;
  }
  EXPECT_NEAR(sum / kN, 0.5, 4 * 0.2887 / std::sqrt(kN)) << "four standard errors";
  for (const int count : counts) EXPECT_NEAR(count, kN / 10, 4 * std::sqrt(kN * 0.09));
  EXPECT_NEAR(normal_sum / kN, 0.0, 4 / std::sqrt(kN));
  EXPECT_NEAR(normal_squares / kN, 1.0, 4 * std::sqrt(2.0 / kN));
}

TEST(Rng, BelowStaysBelow) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t i = 0; i < 1000; ++i) seen.insert(random_below(1, 1, i, 7));
  EXPECT_EQ(seen, (std::set<std::uint64_t>{0, 1, 2, 3, 4, 5, 6}));
}

TEST(Streams, KeepTheirNumbers) {
  EXPECT_EQ(stream::kShuffle, 1U);
  EXPECT_EQ(stream::kAugment, 2U);
  EXPECT_EQ(stream::kDigits, 3U);
  EXPECT_EQ(stream::of_blob(0), 1000U);
  EXPECT_EQ(stream::of_blob(7), 1007U);
}

TEST(Streams, OfDifferentPurposesNeverMeet) {
  std::set<std::uint64_t> seen;
  for (const std::uint32_t purpose : {0U, 1U, 2U, 0xffffffffU}) {
    for (const std::uint32_t index : {0U, 1U, 1000U, 0xffffffffU}) seen.insert(stream::of(purpose, index));
  }
  EXPECT_EQ(seen.size(), 16U);
}

}  // namespace
}  // namespace qrun
