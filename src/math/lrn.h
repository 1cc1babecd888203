// Local response normalization (Krizhevsky et al. 2012) of a value by its neighbours: the `size` channels around it, or
// the size x size pixels around it in its channel, itself among them; what lies outside counts as 0.
//   s  = k + factor * sum of x^2 of the neighbours        factor: alpha / size, or within a channel alpha / size^2
//   y  = x s^-beta
//   dx = dy s^-beta - 2 factor beta x * sum over the neighbours of dy y / s
// In double; s, y and dx are rounded once.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/hd.h"

namespace qrun {

struct Lrn {
  std::int64_t size = 5;  // odd
  double factor = 0, beta = 0.75, k = 1;
  bool within = false;  // a channel
};

/// Returns the first of the neighbours along an axis; `reach` is 0 along one that they don't extend in.
QRUN_HD std::int64_t first_neighbour(std::int64_t at, std::int64_t reach) { return at < reach ? 0 : at - reach; }

/// Returns the end of them.
QRUN_HD std::int64_t neighbours_end(std::int64_t at, std::int64_t reach, std::int64_t count) {
  return at + reach < count ? at + reach + 1 : count;
}

/// Returns how far neighbours extend over channels, and over rows and columns.
QRUN_HD std::int64_t reach_over_channels(const Lrn& lrn) { return lrn.within ? 0 : lrn.size / 2; }
QRUN_HD std::int64_t reach_over_pixels(const Lrn& lrn) { return lrn.within ? lrn.size / 2 : 0; }

QRUN_HD double squared(float x) { return static_cast<double>(x) * static_cast<double>(x); }

/// Returns s.
QRUN_HD float lrn_scale(const Lrn& lrn, double sum_of_squares) {
  return static_cast<float>(lrn.k + lrn.factor * sum_of_squares);
}

/// Returns s^-beta: of the usual 0.75 by roots, which are quicker and round alike everywhere.
QRUN_HD double lrn_power(const Lrn& lrn, float scale) {
  const auto s = static_cast<double>(scale);
  if (lrn.beta != 0.75) return pow(s, -lrn.beta);
  const double root = sqrt(s);
  return 1.0 / (root * sqrt(root));
}

/// Returns y.
QRUN_HD float lrn_value(const Lrn& lrn, float x, float scale) {
  return static_cast<float>(static_cast<double>(x) * lrn_power(lrn, scale));
}

/// Returns what a neighbour adds to the sum in dx.
QRUN_HD double lrn_ratio(float dy, float y, float scale) {
  return static_cast<double>(dy) * static_cast<double>(y) / static_cast<double>(scale);
}

/// Returns dx.
QRUN_HD float lrn_gradient(const Lrn& lrn, float x, float dy, float scale, double sum_of_ratios) {
  return static_cast<float>(static_cast<double>(dy) * lrn_power(lrn, scale) -
                            2.0 * lrn.factor * lrn.beta * static_cast<double>(x) * sum_of_ratios);
}

}  // namespace qrun
