// Batch norm: blocks sum pieces of a channel's values, whose sums a thread a channel adds in order; then a thread a value.
#include "cuda/batch_norm.h"
#include "cuda/divisor.h"
#include "cuda/statistics.cuh"
#include "math/batch_norm.h"

namespace qrun::cuda {
namespace {

struct Channels {
  int count, plane, values, pieces;  // values of a channel in the batch, and pieces that they are cut into
  Divisor by_plane, by_count, by_pieces;
  Channels(const Shape& s, std::int64_t n)
      : count(static_cast<int>(s.c)),
        plane(static_cast<int>(s.h * s.w)),
        values(static_cast<int>(n * s.h * s.w)),
        pieces(static_cast<int>(ceil_div(n * s.h * s.w, kPiece))),
        by_plane(plane),
        by_count(count),
        by_pieces(pieces) {}

  /// Returns where in a tensor a value of a channel lies.
  [[nodiscard]] __device__ int place(int channel, int value) const {
    const int image = by_plane.quotient(value);
    return (image * count + channel) * plane + value - image * plane;
  }
  [[nodiscard]] __device__ int channel_at(int place) const {
    const int planes = by_plane.quotient(place);
    return planes - by_count.quotient(planes) * count;
  }
};

__device__ inline Sums add_sums(const Sums& a, const Sums& b) { return {a.sum + b.sum, a.other + b.other}; }

/// The sums of `term(place)` over the piece of a channel that is the block's.
template <class Term>
__device__ void sum_piece(const Channels& s, Sums* partials, const Term& term) {
  const int channel = s.by_pieces.quotient(static_cast<int>(blockIdx.x));
  const int begin = (static_cast<int>(blockIdx.x) - channel * s.pieces) * static_cast<int>(kPiece);
  const int end = begin + static_cast<int>(kPiece) < s.values ? begin + static_cast<int>(kPiece) : s.values;
  Sums mine{0.0, 0.0};
  for (int i = begin + static_cast<int>(threadIdx.x); i < end; i += static_cast<int>(kThreads))
    mine = add_sums(mine, term(channel, s.place(channel, i)));
  const Sums all = block_reduce(mine, add_sums);
  if (threadIdx.x == 0) partials[static_cast<std::int64_t>(blockIdx.y) * gridDim.x + blockIdx.x] = all;
}

/// Returns the sums of a channel, from those of its pieces.
__device__ inline Sums total_of_channel(const Channels& s, const Sums* partials, int channel) {
  const Sums* of = partials + (static_cast<std::int64_t>(blockIdx.y) * s.count + channel) * s.pieces;
  Sums total{0.0, 0.0};
  for (int piece = 0; piece < s.pieces; ++piece) total = add_sums(total, of[piece]);
  return total;
}

__device__ inline ChannelMoments moments_of(const Tensor& moments, int channels, int channel) {
  const float* of = moments.data + blockIdx.y * moments.stride;
  return {of[channel], of[channels + channel]};
}

__device__ inline void keep_moments(const Tensor& moments, int channels, int channel, const ChannelMoments& of) {
  float* to = moments.data + blockIdx.y * moments.stride;
  to[channel] = of.mean;
  to[channels + channel] = of.inverse;
}

/// Returns a channel's value of a blob, which may be left out: `without` then.
__device__ inline float value_of(const Tensor& blob, int channel, float without) {
  return blob.data == nullptr ? without : blob.data[blockIdx.y * blob.stride + channel];
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

dim3 pieces_grid(const Scope& scope, const Shape& s) {
  return dim3(static_cast<unsigned>(batch_norm_sums(s, scope.n)), static_cast<unsigned>(scope.runs));
}

}  // namespace

std::int64_t batch_norm_sums(const Shape& s, std::int64_t n) { return s.c * ceil_div(n * s.h * s.w, kPiece); }

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
