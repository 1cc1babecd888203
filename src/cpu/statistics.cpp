#include "cpu/statistics.h"

#include <bit>
#include <cmath>

namespace qrun::cpu {
namespace {

/// Adds what `one(x, n, valid)` gives for each piece.
template <class Measure>
Sums add_pieces(const Pieces& pieces, Context& context, const Measure& one) {
  std::vector<Sums>& partial = context.run.partial;
  partial.resize(static_cast<std::size_t>(pieces.count()));
  context.workers.parallel(pieces.count(),
                           [&](std::int64_t i) { partial[static_cast<std::size_t>(i)] = pieces.measure(i, one); });
  Sums total;
  for (const Sums& sums : partial) {
    total.sum += sums.sum;
    total.other += sums.other;
  }
  return total;
}

double max_abs(const Pieces& pieces, Context& context) {
  std::vector<Sums>& partial = context.run.partial;
  partial.resize(static_cast<std::size_t>(pieces.count()));
  context.workers.parallel(pieces.count(), [&](std::int64_t i) {
    const std::uint32_t bits = pieces.measure(i, context.kernels.max_abs_bits);
    partial[static_cast<std::size_t>(i)].sum = bits;
  });
  std::uint32_t best = 0;
  for (const Sums& sums : partial) best = std::max(best, static_cast<std::uint32_t>(sums.sum));
  return static_cast<double>(std::bit_cast<float>(best));
}

/// Sums of x - shift and of its square.
Sums moments(const Pieces& pieces, double shift, Context& context) {
  return add_pieces(pieces, context, [&](const float* x, std::int64_t size, std::int64_t valid) {
    return context.kernels.moments(x, size, valid, shift);
  });
}

/// Sum and number of |x| > delta.
Sums above(const Pieces& pieces, double delta, Context& context) {
  return add_pieces(pieces, context, [&](const float* x, std::int64_t size, std::int64_t valid) {
    return context.kernels.above(x, size, valid, delta);
  });
}

/// Mean and deviation. Squares about zero lose as many bits as mean^2 has over the variance: beyond four bits a second
/// pass takes them about the mean.
void measure_moments(const Pieces& pieces, double n, Context& context, QStats& stats) {
  const Sums sums = moments(pieces, 0.0, context);
  stats.mean = sums.sum / n;
  double variance = sums.other / n - stats.mean * stats.mean;
  if (!(stats.mean * stats.mean <= 16 * variance)) variance = moments(pieces, stats.mean, context).other / n;
  stats.deviation = std::sqrt(variance);
}

/// The mean of |x|, as a threshold, and the mean of what lies above it.
void measure_ternary(const Pieces& pieces, double n, Context& context, QStats& stats) {
  stats.delta = kTernaryDelta * above(pieces, -1.0, context).sum / n;  // of all
  const Sums outer = above(pieces, stats.delta, context);
  stats.mean_above = outer.other > 0 ? outer.sum / outer.other : 0.0;
}

}  // namespace

std::optional<QStats> statistics_of(const Pieces& pieces, Stat needs, std::int64_t count, Context& context) {
  QStats stats;
  const auto n = static_cast<double>(count);
  switch (needs) {
    case Stat::kMaxAbs: stats.max_abs = max_abs(pieces, context); break;
    case Stat::kMoments: measure_moments(pieces, n, context, stats); break;
    case Stat::kTernary: measure_ternary(pieces, n, context, stats); break;
  }
  const bool finite = std::isfinite(stats.max_abs) && std::isfinite(stats.deviation) && std::isfinite(stats.delta);
  return finite ? std::optional(stats) : std::nullopt;
}

}  // namespace qrun::cpu
