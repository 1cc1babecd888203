// Batch norm: blocks sum pieces of a channel's values, whose sums a thread a channel adds in order; then a thread a value.
#include "cuda/batch_norm.h"
#include "cuda/channels.cuh"
#include "cuda/statistics.cuh"
#include "math/batch_norm.h"

namespace qrun::cuda {
namespace {

__device__ inline ChannelMoments moments_of(const Tensor& moments, int channels, int channel) {
  const float* of = moments.data + blockIdx.y * moments.stride;
  return {of[channel], of[channels + channel]};
}

__device__ inline void keep_moments(const Tensor& moments, int channels, int channel, const ChannelMoments& of) {
  float* to = moments.data + blockIdx.y * moments.stride;
  to[channel] = of.mean;
  to[channels + channel] = of.inverse;
}

__device__ inline double first_of(const Channels& s, const Tensor& x, int channel) {
  return static_cast<double>(x.data[blockIdx.y * x.stride + channel * s.plane]);
}

__global__ void batch_norm_sums_kernel(Channels s, Tensor x, Sums* partials) {
  const float* of = x.data + blockIdx.y * x.stride;
  sum_piece(s, partials, [&](int channel, int place) {
    const double moved = static_cast<double>(of[place]) - first_of(s, x, channel);
    return Sums{moved, moved * moved};
  });
}

__global__ void batch_norm_moments_kernel(Channels s, MomentsOperands o) {
  const int channel = element();
  if (channel >= s.count) return;
  const auto n = static_cast<double>(s.values);
  const Sums total = total_of_channel(s, o.partials, channel);
  const MeanVariance batch = mean_variance(total.sum, total.other, n, first_of(s, o.x, channel));
  keep_moments(o.moments, s.count, channel, channel_moments(batch, o.eps));
  const unsigned run = blockIdx.y;
  if (!qrun::is_finite(batch)) diverge(o.control[run], o.place);
  if (has_diverged(o.control[run])) return;
  const double momentum = o.statistics.momenta[run];
  double& mean = o.statistics.mean[run * s.count + channel];
  double& variance = o.statistics.variance[run * s.count + channel];
  mean = moved_statistic(mean, momentum, batch.mean);
  variance = moved_statistic(variance, momentum, unbiased_variance(batch.variance, n));
  if (channel == 0) o.statistics.count[run] = moved_statistic(o.statistics.count[run], momentum, 1.0);
}

__global__ void batch_norm_running_moments_kernel(int channels, MomentsOperands o) {
  const int channel = element();
  if (channel >= channels) return;
  const unsigned run = blockIdx.y;
  const MeanVariance running =
      running_mean_variance(o.statistics.mean[run * channels + channel],
                            o.statistics.variance[run * channels + channel], o.statistics.count[run]);
  keep_moments(o.moments, channels, channel, channel_moments(running, o.eps));
}

__global__ void batch_norm_kernel(std::int64_t n, Channels s, BatchNormOperands o) {
  const int i = element();
  if (i >= n) return;
  const int channel = s.channel_at(i);
  const ChannelMoments moments = moments_of(o.moments, s.count, channel);
  o.y.data[blockIdx.y * o.y.stride + i] = qrun::batch_norm(o.x.data[blockIdx.y * o.x.stride + i], moments,
                                                           value_of(o.w, channel, 1.0F), value_of(o.b, channel, 0.0F));
}

__global__ void batch_norm_gradient_sums_kernel(Channels s, BatchNormOperands o, Sums* partials) {
  const float* x = o.x.data + blockIdx.y * o.x.stride;
  const float* dy = o.dy.data + blockIdx.y * o.dy.stride;
  sum_piece(s, partials, [&](int channel, int place) {
    const auto gradient = static_cast<double>(dy[place]);
    return Sums{gradient,
                gradient * static_cast<double>(normalized(x[place], moments_of(o.moments, s.count, channel)))};
  });
}

__global__ void batch_norm_backward_weight_kernel(Channels s, BatchNormOperands o, const Sums* partials) {
  const int channel = element();
  if (channel >= s.count) return;
  const Sums total = total_of_channel(s, partials, channel);
  const auto n = static_cast<double>(s.values);
  float* means = o.moments_gradient.data + blockIdx.y * o.moments_gradient.stride;
  means[channel] = static_cast<float>(total.sum / n);
  means[s.count + channel] = static_cast<float>(total.other / n);
  if (o.w.data != nullptr) o.w.data[blockIdx.y * o.w.stride + channel] = static_cast<float>(total.other);
  if (o.b.data != nullptr) o.b.data[blockIdx.y * o.b.stride + channel] = static_cast<float>(total.sum);
}

__global__ void batch_norm_backward_data_kernel(std::int64_t n, Channels s, BatchNormOperands o) {
  const int i = element();
  if (i >= n) return;
  const int channel = s.channel_at(i);
  const ChannelMoments moments = moments_of(o.moments, s.count, channel);
  const float weight = value_of(o.w, channel, 1.0F);
  const float dy = o.dy.data[blockIdx.y * o.dy.stride + i];
  float& dx = o.dx.data[blockIdx.y * o.dx.stride + i];
  if (o.moments_gradient.data == nullptr) {
    dx = frozen_gradient(dy, moments, weight);
    return;
  }
  const float* means = o.moments_gradient.data + blockIdx.y * o.moments_gradient.stride;
  dx = batch_norm_gradient(o.x.data[blockIdx.y * o.x.stride + i], dy, moments, weight,
                           {means[channel], means[s.count + channel]});
}

}  // namespace

void batch_norm_moments(const Scope& scope, const Shape& s, const MomentsOperands& operands) {
  const Channels channels(s, scope.n);
  launch(scope.stream, pieces_grid(scope, s), batch_norm_sums_kernel, channels, operands.x, operands.partials);
  launch(scope.stream, elements_grid(s.c, scope.runs), batch_norm_moments_kernel, channels, operands);
}

void batch_norm_running_moments(const Scope& scope, const Shape& s, const MomentsOperands& operands) {
  launch(scope.stream, elements_grid(s.c, scope.runs), batch_norm_running_moments_kernel, static_cast<int>(s.c),
         operands);
}

void batch_norm(const Scope& scope, const Shape& s, const BatchNormOperands& operands) {
  const std::int64_t n = scope.n * s.size();
  launch(scope.stream, elements_grid(n, scope.runs), batch_norm_kernel, n, Channels(s, scope.n), operands);
}

void batch_norm_backward_weight(const Scope& scope, const Shape& s, const BatchNormOperands& operands, Sums* partials) {
  const Channels channels(s, scope.n);
  launch(scope.stream, pieces_grid(scope, s), batch_norm_gradient_sums_kernel, channels, operands, partials);
  launch(scope.stream, elements_grid(s.c, scope.runs), batch_norm_backward_weight_kernel, channels, operands, partials);
}

void batch_norm_backward_data(const Scope& scope, const Shape& s, const BatchNormOperands& operands) {
  const std::int64_t n = scope.n * s.size();
  launch(scope.stream, elements_grid(n, scope.runs), batch_norm_backward_data_kernel, n, Channels(s, scope.n),
         operands);
}

}  // namespace qrun::cuda
