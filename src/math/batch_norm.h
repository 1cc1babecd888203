// Batch normalization of a channel (Ioffe and Szegedy 2015), with Caffe's running statistics.
//   y = (x - mean) / sqrt(variance + eps) weight + bias            the variance is the biased one
//   running    S = (1 - m) S + 1    M = (1 - m) M + mean    V = (1 - m) V + variance n / (n - 1)
//   a test     mean = M / S, variance = V / S, rounded to float32 as files hold them; S = 0: 0 and 1
//   gradient   dx = weight / sqrt(variance + eps) (dy - mean(dy) - xhat mean(dy xhat)),  xhat = (x - mean) / sqrt(...)
#pragma once

#include <cmath>

#include "core/hd.h"

namespace qrun {

/// Mean and variance of a channel, of n values of a batch or of all that ran.
struct MeanVariance {
  double mean = 0, variance = 1;
};

/// `sum` and `squares` are those of x - shift.
QRUN_HD MeanVariance mean_variance(double sum, double squares, double n, double shift) {
  const double moved = sum / n;
  const double variance = squares / n - moved * moved;
  return {shift + moved, variance < 0.0 ? 0.0 : variance};  // NaN passes: the run has diverged
}

/// False where there are no numbers to normalize by.
QRUN_HD bool is_finite(const MeanVariance& of) { return of.mean - of.mean == 0.0 && of.variance - of.variance == 0.0; }

/// M, V or S with a value more.
QRUN_HD double moved_statistic(double sum, double momentum, double value) { return (1.0 - momentum) * sum + value; }

/// What n values say of the variance of all.
QRUN_HD double unbiased_variance(double variance, double n) { return variance * n / (n - 1.0); }

/// What is in M, V and S.
QRUN_HD MeanVariance running_mean_variance(double mean, double variance, double count) {
  if (!(count > 0.0)) return {};
  return {static_cast<double>(static_cast<float>(mean / count)),
          static_cast<double>(static_cast<float>(variance / count))};
}

/// What a channel is normalized with.
struct ChannelMoments {
  float mean = 0, inverse = 1;
};

QRUN_HD ChannelMoments channel_moments(const MeanVariance& of, double eps) {
  return {static_cast<float>(of.mean), static_cast<float>(1.0 / sqrt(of.variance + eps))};
}

QRUN_HD float normalized(float x, const ChannelMoments& moments) { return (x - moments.mean) * moments.inverse; }

QRUN_HD float batch_norm(float x, const ChannelMoments& moments, float weight, float bias) {
  return normalized(x, moments) * weight + bias;
}

/// Means of dy and of dy xhat over the batch.
struct GradientMeans {
  float dy = 0, dy_x = 0;
};

QRUN_HD float batch_norm_gradient(float x, float dy, const ChannelMoments& moments, float weight,
                                  const GradientMeans& means) {
  return weight * moments.inverse * (dy - means.dy - normalized(x, moments) * means.dy_x);
}

/// Returns dx where the statistics are frozen: constants.
QRUN_HD float frozen_gradient(float dy, const ChannelMoments& moments, float weight) {
  return weight * moments.inverse * dy;
}

}  // namespace qrun
