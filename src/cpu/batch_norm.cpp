// Batch norm: one task a channel, which adds the sums of its blocks of images in order.
#include "math/batch_norm.h"

#include <algorithm>

#include "cpu/ops.h"

namespace qrun::cpu {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Calls `visit(offset, floats, valid)` for a channel in each block of the batch.
template <class Visit>
void for_blocks(const Context& context, const Shape& s, std::int64_t channel, const Visit& visit) {
  const std::int64_t plane = s.h * s.w * kLanes;
  for (std::int64_t block = 0; block < context.blocks(); ++block)
    visit((block * s.c + channel) * plane, plane, valid_lanes(context.n, block));
}

std::int64_t values_of(const Context& context, const Shape& s) { return context.n * s.h * s.w; }

MeanVariance of_batch(const BatchNormMomentsOp& op, std::int64_t channel, const Context& context) {
  const float* x = context.run.buffer(op.x).value.data();
  const auto shift = static_cast<double>(x[channel * op.s.h * op.s.w * kLanes]);
  Sums total;
  for_blocks(context, op.s, channel, [&](std::int64_t begin, std::int64_t n, std::int64_t valid) {
    const Sums sums = context.kernels.moments(x + begin, n, valid, shift);
    total.sum += sums.sum;
    total.other += sums.other;
  });
  return mean_variance(total.sum, total.other, static_cast<double>(values_of(context, op.s)), shift);
}

void move_statistics(const BatchNormMomentsOp& op, const std::vector<MeanVariance>& batch, Context& context) {
  RunMemory& run = context.run;
  const double momentum = run.settings.momenta[at(op.mean)];
  const auto n = static_cast<double>(values_of(context, op.s));
  for (std::size_t c = 0; c < batch.size(); ++c) {
    double& mean = run.statistic(op.mean)[c];
    double& variance = run.statistic(op.variance)[c];
    mean = moved_statistic(mean, momentum, batch[c].mean);
    variance = moved_statistic(variance, momentum, unbiased_variance(batch[c].variance, n));
  }
  double& count = run.statistic(op.count)[0];
  count = moved_statistic(count, momentum, 1.0);
}

float value_of(ParamId param, std::int64_t channel, float without, Context& context) {
  return param == kNone ? without : context.run.param(param).current().data()[channel];
}

}  // namespace

void compute(const BatchNormMomentsOp& op, Context& context) {
  RunMemory& run = context.run;
  const bool moves = context.training && !op.frozen;
  std::vector<MeanVariance> moments(at(op.s.c));
  context.workers.parallel(op.s.c, [&](std::int64_t c) {
    const double mean = run.statistic(op.mean)[at(c)];
    const double variance = run.statistic(op.variance)[at(c)];
    moments[at(c)] =
        moves ? of_batch(op, c, context) : running_mean_variance(mean, variance, run.statistic(op.count)[0]);
  });
  float* to = run.moments[at(op.y)].data();
  for (std::int64_t c = 0; c < op.s.c; ++c) {
    const ChannelMoments channel = channel_moments(moments[at(c)], op.eps);
    to[c] = channel.mean;
    to[op.s.c + c] = channel.inverse;
  }
  if (!moves) return;
  if (!std::ranges::all_of(moments, [](const MeanVariance& of) { return is_finite(of); })) {
    const Blob& mean = run.plan.statistics[at(op.mean)];
    return run.diverge(mean.layer, mean.address().in_layer());
  }
  move_statistics(op, moments, context);
}

void compute(const BatchNormOp& op, Context& context) {
  const float* x = context.run.buffer(op.x).value.data();
  float* y = context.run.buffer(op.y).value.data();
  context.workers.parallel(op.s.c, [&](std::int64_t c) {
    const ChannelMoments moments = context.run.moments_of(op.y, c);
    const float weight = value_of(op.w, c, 1.0F, context);
    const float bias = value_of(op.b, c, 0.0F, context);
    for_blocks(context, op.s, c, [&](std::int64_t begin, std::int64_t n, std::int64_t) {
      context.kernels.batch_norm(x + begin, moments, weight, bias, y + begin, n);
    });
  });
}

void compute(const BatchNormBackwardWeightOp& op, Context& context) {
  RunMemory& run = context.run;
  const float* x = run.buffer(op.x).value.data();
  const float* dy = run.buffer(op.y).gradient.data();
  float* means = run.moments_gradients[at(op.y)].data();
  const auto values = static_cast<double>(values_of(context, op.s));
  context.workers.parallel(op.s.c, [&](std::int64_t c) {
    const ChannelMoments moments = run.moments_of(op.y, c);
    Sums total;
    for_blocks(context, op.s, c, [&](std::int64_t begin, std::int64_t n, std::int64_t valid) {
      const Sums sums = context.kernels.batch_norm_sums(x + begin, dy + begin, moments, n, valid);
      total.sum += sums.sum;
      total.other += sums.other;
    });
    means[c] = static_cast<float>(total.sum / values);
    means[op.s.c + c] = static_cast<float>(total.other / values);
    if (op.w != kNone) run.param(op.w).gradient.data()[c] = static_cast<float>(total.other);
    if (op.b != kNone) run.param(op.b).gradient.data()[c] = static_cast<float>(total.sum);
  });
}

void compute(const BatchNormBackwardDataOp& op, Context& context) {
  RunMemory& run = context.run;
  const float* x = run.buffer(op.x).value.data();
  const float* dy = run.buffer(op.y).gradient.data();
  float* dx = run.buffer(op.dx).gradient.data();
  const float* means = op.frozen ? nullptr : run.moments_gradients[at(op.y)].data();
  context.workers.parallel(op.s.c, [&](std::int64_t c) {
    const ChannelMoments moments = run.moments_of(op.y, c);
    const float weight = value_of(op.w, c, 1.0F, context);
    for_blocks(context, op.s, c, [&](std::int64_t begin, std::int64_t n, std::int64_t valid) {
      if (op.frozen) {
        for (std::int64_t i = begin; i < begin + n; ++i) dx[i] = frozen_gradient(dy[i], moments, weight);
      } else {
        context.kernels.batch_norm_gradient(x + begin, dy + begin, moments, weight, {means[c], means[op.s.c + c]},
                                            dx + begin, n);
      }
      for (std::int64_t i = valid; i < kLanes; ++i) {  // padded images teach nothing
        for (std::int64_t pixel = 0; pixel < n; pixel += kLanes) dx[begin + pixel + i] = 0.0F;
      }
    });
  });
}

}  // namespace qrun::cpu
