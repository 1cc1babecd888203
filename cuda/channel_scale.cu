// A weight a channel: a thread a value; for its gradient blocks sum pieces of a channel, and one block a channel those.
#include "cuda/channel_scale.h"
#include "cuda/channels.cuh"

namespace qrun::cuda {
namespace {

__global__ void channel_scale_kernel(std::int64_t n, Channels s, Scaled scaled, ChannelScaleOperands o) {
  const int i = element();
  if (i >= n) return;
  const int channel = s.channel_at(i);
  o.y.data[blockIdx.y * o.y.stride + i] =
      channel_scaled(scaled, o.x.data[blockIdx.y * o.x.stride + i], o.w.data[blockIdx.y * o.w.stride + channel],
                     value_of(o.b, channel, 0.0F));
}

__global__ void channel_scale_sums_kernel(Channels s, Scaled scaled, ChannelScaleOperands o, Sums* partials) {
  const float* x = o.x.data + blockIdx.y * o.x.stride;
  const float* dy = o.dy.data + blockIdx.y * o.dy.stride;
  sum_piece(s, partials, [&](int /*channel*/, int place) {
    return Sums{static_cast<double>(dy[place]), channel_scale_weight_gradient(scaled, x[place], dy[place])};
  });
}

/// A block adds the pieces of a channel: each thread every 256th, in order, then all of them as a tree.
__global__ void channel_scale_backward_weight_kernel(Channels s, ChannelScaleOperands o, const Sums* partials) {
  const int channel = static_cast<int>(blockIdx.x);
  const Sums* of = partials + (static_cast<std::int64_t>(blockIdx.y) * s.count + channel) * s.pieces;
  Sums mine{0.0, 0.0};
  for (int piece = static_cast<int>(threadIdx.x); piece < s.pieces; piece += static_cast<int>(kThreads))
    mine = add_sums(mine, of[piece]);
  const Sums total = block_reduce(mine, add_sums);
  if (threadIdx.x != 0) return;
  o.w.data[blockIdx.y * o.w.stride + channel] = static_cast<float>(total.other);
  if (o.b.data != nullptr) o.b.data[blockIdx.y * o.b.stride + channel] = static_cast<float>(total.sum);
}

__global__ void channel_scale_backward_data_kernel(std::int64_t n, Channels s, Scaled scaled, ChannelScaleOperands o) {
  const int i = element();
  if (i >= n) return;
  const float weight = o.w.data[blockIdx.y * o.w.stride + s.channel_at(i)];
  o.dx.data[blockIdx.y * o.dx.stride + i] = channel_scale_gradient(scaled, o.x.data[blockIdx.y * o.x.stride + i],
                                                                   o.dy.data[blockIdx.y * o.dy.stride + i], weight);
}

}  // namespace

void channel_scale(const Scope& scope, const Shape& s, Scaled scaled, const ChannelScaleOperands& operands) {
  const std::int64_t n = scope.n * s.size();
  launch(scope.stream, elements_grid(n, scope.runs), channel_scale_kernel, n, Channels(s, scope.n), scaled, operands);
}

void channel_scale_backward_weight(const Scope& scope, const Shape& s, Scaled scaled,
                                   const ChannelScaleOperands& operands, Sums* partials) {
  const Channels channels(s, scope.n);
  launch(scope.stream, pieces_grid(scope, s), channel_scale_sums_kernel, channels, scaled, operands, partials);
  const dim3 grid(static_cast<unsigned>(s.c), static_cast<unsigned>(scope.runs));
  launch(scope.stream, grid, channel_scale_backward_weight_kernel, channels, operands, partials);
}

void channel_scale_backward_data(const Scope& scope, const Shape& s, Scaled scaled,
                                 const ChannelScaleOperands& operands) {
  const std::int64_t n = scope.n * s.size();
  launch(scope.stream, elements_grid(n, scope.runs), channel_scale_backward_data_kernel, n, Channels(s, scope.n),
         scaled, operands);
}

}  // namespace qrun::cuda
