// The mathematics of the quantizers: hand-made cases, ties, extremes.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "quant/measure.h"

namespace qrun {
namespace {

QuantSettings settings(const char* method, int bits) { return {.method = AllQuantizers::find(method), .bits = bits}; }

std::vector<std::int32_t> codes(const std::vector<float>& x, const QuantSettings& s) { return encode(x, s, 1).codes; }

TEST(Rounding, GoesHalfAwayFromZero) {
  EXPECT_EQ(round_half_away(0.5F), 1);
  EXPECT_EQ(round_half_away(-0.5F), -1);
  EXPECT_EQ(round_half_away(1.5F), 2);
  EXPECT_EQ(round_half_away(-2.5F), -3);
  EXPECT_EQ(round_half_away(0.49999997F), 0) << "adding one half first would give 1";
  EXPECT_EQ(round_half_away(8388609.0F), 8388609);
}

TEST(Clamp, TurnsNanIntoTheLowerEnd) {
  EXPECT_EQ(clamp_steps(std::numeric_limits<float>::quiet_NaN(), -3, 3), -3.0F);
  EXPECT_EQ(clamp_steps(std::numeric_limits<float>::infinity(), -3, 3), 3.0F);
}

TEST(Saturation, StartsWhereRoundingLeavesTheRange) {
  EXPECT_FALSE(rounds_outside(3.4F, -3, 3));
  EXPECT_TRUE(rounds_outside(3.5F, -3, 3));
  EXPECT_TRUE(rounds_outside(-3.5F, -3, 3));
  EXPECT_FALSE(rounds_outside(-3.49F, -3, 3));
}

TEST(Ulq, HasThePaperFourLevels) {
  // mean 0, deviation 1, alpha 0.99529: q = round(x / alpha + 0.5) in -1 .. 2, stored one less.
  EXPECT_EQ(codes({-2, -0.5F, 0.5F, 2, -0.5F, 0.5F, -0.5F, 0.5F}, settings("ulq", 2)),
            (std::vector<std::int32_t>{-2, -1, 0, 1, -1, 0, -1, 0}));
  const Encoded encoded = encode(std::vector<float>{-1, 1}, settings("ulq", 1), 1);
  EXPECT_NEAR(encoded.params[0].alpha, 1.5950161625215948 + 1e-7, 1e-12);
  EXPECT_EQ(encoded.codes, (std::vector<std::int32_t>{-1, 0}));
  EXPECT_NEAR(decode(0, encoded.params[0]), 0.79750808F, 1e-6);
}

TEST(Ulq, OptimalStepsMinimiseTheErrorForANormal) {
  // The error of a step for a standard normal by midpoint sums; the table's step beats its neighbours.
  const auto error = [](double step, int bits) {
    double sum = 0;
    const double half = std::ldexp(1.0, bits - 1);
    for (double x = -8 + 5e-4; x < 8; x += 1e-3) {
      const double level = std::fmin(std::fmax(std::floor(x / step), -half), half - 1) + 0.5;
      sum += (x - level * step) * (x - level * step) * std::exp(-x * x / 2);
    }
    return sum;
  };
  for (int bits = 1; bits <= 8; ++bits) {
    const double best = Ulq::lambda(Lambda::kOptimal, bits);
    EXPECT_LT(error(best, bits), error(best * 1.01, bits)) << bits;
    EXPECT_LT(error(best, bits), error(best * 0.99, bits)) << bits;
  }
  for (const Lambda table : {Lambda::kOriginal, Lambda::kPaper, Lambda::kOptimal})
    EXPECT_DOUBLE_EQ(Ulq::lambda(table, 9), 6.2 / 511);
}

TEST(Ternary, SeparatesAtSevenTenthsOfTheMeanMagnitude) {
  // mean |x| = 1, delta = 0.7, alpha = (1.5 + 1.5 + 0.8) / 3
  const Encoded encoded = encode(std::vector<float>{1.5F, -1.5F, 0.2F, -0.8F}, settings("ternary", 2), 1);
  EXPECT_EQ(encoded.codes, (std::vector<std::int32_t>{1, -1, 0, -1}));
  EXPECT_NEAR(encoded.params[0].delta, 0.7, 1e-7);
  EXPECT_NEAR(encoded.params[0].scale, 3.8F / 3, 1e-6);
}

TEST(Ternary, ComparesWithTheThresholdInDouble) {
  const double delta = 0.1;  // not a float: the nearest float is above
  EXPECT_LE(static_cast<double>(floor_to_float(delta)), delta);
  EXPECT_GT(static_cast<double>(std::nextafter(floor_to_float(delta), 1.0F)), delta);
}

TEST(TernaryQuantize, RoundsItsScaleToAFixedPointNumber) {
  // alpha = 1.2666.. with 3 bits: fixedpos = 0 - 1, alpha_int = round(2.53) = 3, scale 1.5
  const Encoded encoded = encode(std::vector<float>{1.5F, -1.5F, 0.2F, -0.8F}, settings("ternary_quantize", 3), 1);
  EXPECT_EQ(encoded.params[0].fixedpos, -1);
  EXPECT_EQ(encoded.params[0].alpha_int, 3);
  EXPECT_EQ(encoded.params[0].scale, 1.5F);
}

TEST(DynamicFixedPoint, HasPowerOfTwoStepsAndExactTies) {
  const Encoded encoded =
      encode(std::vector<float>{3.0F, -0.75F, 0.25F, -0.25F, 0.24F}, settings("dynamic_fixed_point", 4), 1);
  EXPECT_EQ(encoded.params[0].fixedpos, -1);
  EXPECT_EQ(encoded.codes, (std::vector<std::int32_t>{6, -2, 1, -1, 0}));
}

TEST(Clip, ScalesByTheLargestMagnitude) {
  const Encoded encoded = encode(std::vector<float>{-7, 3.6F, 0.4F}, settings("clip", 4), 1);
  EXPECT_EQ(encoded.codes, (std::vector<std::int32_t>{-7, 4, 0}));
  QuantSettings fixed = settings("clip", 4);
  fixed.range = Range::kFixed;
  fixed.range_value = 3.5;
  EXPECT_EQ(codes({-7, 3.6F, 0.4F}, fixed), (std::vector<std::int32_t>{-7, 7, 1}));
}

TEST(AllQuantizers, GiveFiniteValuesAndCodesThatFitOnExtremes) {
  const std::vector<std::vector<float>> tensors = {
      {0, 0, 0}, {5}, {-0.25F, -0.25F}, {1e-45F, -1e-45F}, {1e-30F, 2e-30F}, {1e37F, -1e37F}, {1, 1e30F}, {}};
  for (int method = 0; method < AllQuantizers::kCount; ++method) {
    const QuantInfo& info = AllQuantizers::kInfos[method];
    for (int bits = info.min_bits; bits <= info.max_bits; ++bits) {
      const QuantSettings s{.method = method, .bits = bits};
      for (const std::vector<float>& x : tensors) {
        const Encoded encoded = encode(x, s, 1);
        for (const std::int32_t code : encoded.codes) {
          EXPECT_GE(code, -(1 << (code_bits(s) - 1))) << info.name << bits;
          EXPECT_LT(code, 1 << (code_bits(s) - 1)) << info.name << bits;
          EXPECT_TRUE(std::isfinite(decode(code, encoded.params[0]))) << info.name << bits << " " << x[0];
        }
      }
    }
  }
}

TEST(AllQuantizers, AreFoundByNameAndByTheOriginalName) {
  for (int method = 0; method < AllQuantizers::kCount; ++method)
    EXPECT_EQ(AllQuantizers::find(AllQuantizers::kInfos[method].name), method);
  EXPECT_EQ(AllQuantizers::find("ULQ"), AllQuantizers::find("ulq"));
  EXPECT_EQ(AllQuantizers::find("Quantize"), AllQuantizers::find("dynamic_fixed_point"));
  EXPECT_EQ(AllQuantizers::find("ulqq"), kNoQuantizer);
}

TEST(Measure, KeepsTheDeviationOfAFarMean) {
  const std::vector<float> x = {16777216.0F, 16777218.0F};
  const QStats stats = measure(x, Stat::kMoments);
  EXPECT_EQ(stats.mean, 16777217.0);
  EXPECT_EQ(stats.deviation, 1.0);
}

}  // namespace
}  // namespace qrun
