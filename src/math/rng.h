// Random numbers as a function of (seed, stream, index): no state, so any part of a sequence can be drawn by anyone,
// in any order, and a resumed run sees the numbers of an uninterrupted one.
// Three rounds of the SplitMix64 finalizer (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators").
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "core/hd.h"

namespace qrun {

QRUN_HD std::uint64_t mix64(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

/// 64 random bits.
QRUN_HD std::uint64_t random_bits(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
  const std::uint64_t key = mix64(mix64(seed + 0x9e3779b97f4a7c15ULL) ^ (stream * 0xd1342543de82ef95ULL + 1));
  return mix64(key + (index + 1) * 0x9e3779b97f4a7c15ULL);
}

/// Returns a number uniform in [0, 1), of 53 bits.
QRUN_HD double random_uniform(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
  return static_cast<double>(random_bits(seed, stream, index) >> 11) * 0x1p-53;
}

/// Uniform integer in [0, n), 0 < n <= 2^53; biased by at most n / 2^53.
QRUN_HD std::uint64_t random_below(std::uint64_t seed, std::uint64_t stream, std::uint64_t index, std::uint64_t n) {
  return static_cast<std::uint64_t>(random_uniform(seed, stream, index) * static_cast<double>(n));
}

/// Standard normal by Box and Muller (1958), from the uniforms 2 index and 2 index + 1.
inline double random_normal(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
  const double u = 1.0 - random_uniform(seed, stream, 2 * index);  // in (0, 1]: the logarithm stays finite
  const double v = random_uniform(seed, stream, 2 * index + 1);
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
}

/// Streams of a run's seed: one for each use, so that a new use never shifts the numbers of another.
namespace stream {

/// Returns stream `index` of a purpose. Purposes have numbers of their own in the high half, so that no two streams
/// meet, however many a purpose takes. Purpose 0 is that of the streams below, which are older than this rule.
QRUN_HD constexpr std::uint64_t of(std::uint32_t purpose, std::uint32_t index) {
  return static_cast<std::uint64_t>(purpose) << 32 | index;
}

inline constexpr std::uint64_t kShuffle = of(0, 1);
inline constexpr std::uint64_t kAugment = of(0, 2);
inline constexpr std::uint64_t kDigits = of(0, 3);  // + 0x100 for those of tests

/// Returns the stream of the initial values of a weight or bias, by its number among them.
constexpr std::uint64_t of_blob(std::uint32_t number) { return of(0, 1000) + number; }
static_assert(of_blob(0xffffffffU - 1000) < of(1, 0), "as many blobs as there are never meet another purpose");

/// Returns the stream of a dropout, by its number among them.
QRUN_HD constexpr std::uint64_t of_dropout(std::uint32_t number) { return of(1, number); }

/// Returns the stream of the initial values of a blob that is neither weight nor bias of a product, by its number among
/// such.
constexpr std::uint64_t of_other_blob(std::uint32_t number) { return of(2, number); }

/// Returns the stream of which initial values are 0, of a weight whose values come from stream of_blob(number).
constexpr std::uint64_t of_sparsity(std::uint32_t number) { return of(3, number); }

}  // namespace stream

}  // namespace qrun
