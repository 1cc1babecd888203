// What a direct convolution computes, with the tiles that direct_conv2d.cu chooses. A sum runs over (c, ky, kx) in
// order; rows above and below the image are left out.
#pragma once

#include "cuda/fitting.cuh"
#include "cuda/image_patch.cuh"
#include "cuda/shape32.h"

namespace qrun::cuda::direct {

/// Sums of a block: rows x segments of kN pixels, of `images` images, for `threads` times kM filters.
struct Tile {
  int images, rows, segments, threads;
  [[nodiscard]] QRUN_HD int active() const { return images * rows * segments * threads; }
};

/// Filters and channels as the sums take them: for the gradient of the input those of the convolution change places.
struct DirectConv {
  Shape32 s;  // of the convolution that is computed
  Tensor x, w, y, b;
  int filter_stride, channel_stride;  // of weights
  bool turned;                        // filters
  Fitting fitting;
  Tile tile{};
  int chunk = 0;  // channels of a stage
  Patch patch{};
  int block_filters = 0, filter_pitch = 0, blocks = 0;  // filters of a block; floats from tap to tap; blocks of a group
  Divisor by_blocks{}, by_filter_blocks{}, by_row_blocks{};
  Divisor by_images{}, by_threads{}, by_segments{}, by_warps{};  // warps: that bring the filters of a tap

  /// Returns the image's channels of a group, out() its filters.
  [[nodiscard]] __device__ const float* in(int run, int group, int image) const {
    return x.data + run * x.stride + (static_cast<std::int64_t>(image) * s.c + group * s.channels) * s.plane;
  }
  [[nodiscard]] __device__ float* out(int run, int group, int image) const {
    return y.data + run * y.stride + (static_cast<std::int64_t>(image) * s.o + group * s.filters) * s.pixels;
  }
};

/// Which part of which run a block works on.
struct Part {
  int run, group, filter0, row0, image0;
  __device__ explicit Part(const DirectConv& p) {
    int block = static_cast<int>(blockIdx.x);
    const int product = p.by_blocks.quotient(block);
    run = p.s.by_groups.quotient(product);
    group = product - run * p.s.groups;
    block -= product * p.blocks;
    const int spatial = p.by_filter_blocks.quotient(block);
    filter0 = (block - spatial * p.by_filter_blocks.value()) * p.block_filters;
    const int images = p.by_row_blocks.quotient(spatial);
    row0 = (spatial - images * p.by_row_blocks.value()) * p.tile.rows;
    image0 = images * p.tile.images;
  }
};

/// What a thread of a block sums: `filter` is the first of kM.
struct Lane {
  int image, filter, segment, row;
  bool active;
  __device__ Lane(const DirectConv& p, int filters_of_thread) {
    const int thread = static_cast<int>(threadIdx.x);
    int rest = p.by_images.quotient(thread);
    image = thread - rest * p.tile.images;
    const int above = p.by_threads.quotient(rest);
    filter = (rest - above * p.tile.threads) * filters_of_thread;
    row = p.by_segments.quotient(above);
    segment = above - row * p.tile.segments;
    active = thread < p.tile.active();
  }
};

/// Starts to bring the weights of channels from `channel0` on: [tap of the stage][filter of the block]. A warp brings
/// eight taps of four filters: neighbours in memory, and in shared memory each in a bank of its own.
template <int K>
__device__ void bring_weights(const DirectConv& p, const Part& part, float* to, int channel0) {
  constexpr int kTaps = K * K;
  const int thread = static_cast<int>(threadIdx.x);
  const int filter = part.filter0 + thread % 32 / 8;
  const float* const from = p.w.data + part.run * p.w.stride +
                            static_cast<std::int64_t>(part.group) * p.s.filters * p.s.taps +
                            static_cast<std::int64_t>(filter) * p.filter_stride;
  const int filters = p.s.filters - filter;  // left from the thread's first on
  // The filters of a few taps are work for several warps, the taps of a stage for all.
  const int across = p.by_warps.value();
  const int warp = thread / 32;
  const int first = p.by_warps.quotient(warp);
  const int begin = (warp - first * across) * 4;
  for (int at = first * 8 + thread % 8; at < p.chunk * kTaps; at += static_cast<int>(kThreads) / 32 / across * 8) {
    const int channel = at / kTaps;
    const int tap = at - channel * kTaps;
    const bool has_channel = channel0 + channel < p.s.channels;
    const int offset = (channel0 + channel) * p.channel_stride + (p.turned ? kTaps - 1 - tap : tap);
    float* const place = to + at * p.filter_pitch + thread % 32 / 8;
#pragma unroll 4
    for (int f = begin; f < p.block_filters; f += 4 * across) {
      const bool inside = has_channel && f < filters;
      copy_async(place + f, inside ? from + offset + f * p.filter_stride : p.w.data, inside);
    }
  }
}

/// Adds a tap: its weights times the pixels that it meets.
template <int kM, int kN>
__device__ inline void add_tap(float (&sums)[kM][kN], const float (&weights)[kM], const float* pixels) {
#pragma unroll
  for (int m = 0; m < kM; ++m) {
#pragma unroll
    for (int j = 0; j < kN; ++j) sums[m][j] = __fmaf_rn(weights[m], pixels[j], sums[m][j]);
  }
}

/// Adds a row of taps: x, the pixels that they meet; w, [kx][filter].
template <int K, int kM, int kN>
__device__ inline void add_row(float (&sums)[kM][kN], const float* x, const float* w, int filter_pitch) {
  float pixels[(kN + K - 1 + 3) / 4 * 4];
  load_row(pixels, x);
#pragma unroll
  for (int kx = 0; kx < K; ++kx) {
    float weights[kM];
    load_row(weights, w + kx * filter_pitch);
    add_tap(sums, weights, pixels + kx);
  }
}

/// What a thread takes from shared memory for a row of taps.
template <int K, int kM, int kN>
struct TapRow {
  float pixels[(kN + K - 1 + 3) / 4 * 4];
  float weights[K][kM];
  __device__ void load(const float* x, const float* w, int filter_pitch) {
    load_row(pixels, x);
#pragma unroll
    for (int kx = 0; kx < K; ++kx) load_row(weights[kx], w + kx * filter_pitch);
  }
};

/// Adds all taps of a channel; the image has `height` rows, the windows begin at `top`, the patch at `first`. Small
/// tiles load a row ahead: they are taken where few warps are there to wait for each other's loads.
template <int K, int kM, int kN>
__device__ inline void add_channel(float (&sums)[kM][kN], const float* x, int pitch, const float* w, int filter_pitch,
                                   int top, int first, int height) {
  const auto meets = [&](int ky) { return static_cast<unsigned>(top + ky) < static_cast<unsigned>(height); };
  if constexpr (kM * kN > 16) {
#pragma unroll
    for (int ky = 0; ky < K; ++ky) {
      if (meets(ky)) add_row<K>(sums, x + (top + ky - first) * pitch, w + ky * K * filter_pitch, filter_pitch);
    }
  } else {
    TapRow<K, kM, kN> rows[2];
    const auto load = [&](int ky) {  // any place that may be read where the row is not in the image
      rows[ky % 2].load(meets(ky) ? x + (top + ky - first) * pitch : w, w + ky * K * filter_pitch, filter_pitch);
    };
    load(0);
#pragma unroll
    for (int ky = 0; ky < K; ++ky) {
      if (ky + 1 < K) load(ky + 1);
      if (!meets(ky)) continue;
#pragma unroll
      for (int kx = 0; kx < K; ++kx) add_tap(sums, rows[ky % 2].weights[kx], rows[ky % 2].pixels + kx);
    }
  }
}

/// Stores a thread's sums, with bias; the largest of them, as the bits of |y|.
template <int kM, int kN>
__device__ unsigned store(const DirectConv& p, const Part& part, const Lane& lane, const float (&sums)[kM][kN]) {
  unsigned largest = 0;
  float* const image = p.out(part.run, part.group, part.image0 + lane.image);
  const int column0 = lane.segment * kN;
#pragma unroll
  for (int m = 0; m < kM; ++m) {
    const int filter = part.filter0 + lane.filter + m;
    if (filter >= p.s.filters) break;
    const float bias = p.b.data == nullptr ? 0.0F : p.b.data[part.run * p.b.stride + part.group * p.s.filters + filter];
    float* const to = image + filter * p.s.pixels + (part.row0 + lane.row) * p.s.ow + column0;
    float y[kN];
#pragma unroll
    for (int j = 0; j < kN; ++j) {
      y[j] = p.b.data == nullptr ? sums[m][j] : sums[m][j] + bias;
      const unsigned bits = column0 + j < p.s.ow ? __float_as_uint(y[j]) & 0x7fffffffU : 0;
      largest = largest > bits ? largest : bits;
    }
#pragma unroll
    for (int j = 0; j < kN; j += 4) {
      if (p.s.ow % 4 == 0) {  // then a group of four ends with the row
        if (column0 + j < p.s.ow) *reinterpret_cast<float4*>(to + j) = {y[j], y[j + 1], y[j + 2], y[j + 3]};
      } else {
        for (int i = j; i < j + 4; ++i)
          if (column0 + i < p.s.ow) to[i] = y[i];
      }
    }
  }
  return largest;
}

template <int K, int kM, int kN>
__global__ void __launch_bounds__(kThreads, kM* kN == 32 ? 3 : 2) direct_conv2d_kernel(DirectConv p) {
  alignas(16) __shared__ float space[2][kStageFloats];
  const Part part(p);
  const Lane lane(p, kM);
  const int first = part.row0 > p.s.pad.h ? part.row0 - p.s.pad.h : 0;  // row in the patch
  const int stages = (p.s.channels + p.chunk - 1) / p.chunk;
  const auto bring = [&](int stage) {
    const int channel0 = stage * p.chunk;
    p.patch.bring(space[stage % 2], first, [&](int plane) {
      const int channel = p.by_images.quotient(plane);
      const int image = part.image0 + plane - channel * p.tile.images;
      const bool inside = image < p.s.n && channel0 + channel < p.s.channels;
      const int offset = inside ? (channel0 + channel) * p.s.plane : 0;
      return Plane{p.in(part.run, part.group, inside ? image : 0) + offset, inside};
    });
    bring_weights<K>(p, part, space[stage % 2] + p.patch.size(), channel0);
  };

  const bool active = lane.active && part.image0 + lane.image < p.s.n && part.row0 + lane.row < p.s.oh;
  const int top = part.row0 + lane.row - p.s.pad.h;  // of the thread's windows
  const int x_offset = lane.image * p.patch.plane_pitch + lane.segment * kN;
  float sums[kM][kN] = {};
  bring(0);
  close_copies();
  for (int stage = 0; stage < stages; ++stage) {
    wait_for_copies<0>();
    __syncthreads();  // the stage is there for all threads, and they are done with the one before it
    if (stage + 1 < stages) bring(stage + 1);
    close_copies();
    const float* x = space[stage % 2] + x_offset;
    const float* w = space[stage % 2] + p.patch.size() + lane.filter;
    const int left = p.s.channels - stage * p.chunk;
    for (int c = 0; active && c < (left < p.chunk ? left : p.chunk); ++c) {
      add_channel<K>(sums, x, p.patch.pitch, w, p.filter_pitch, top, first, p.s.h);
      x += p.tile.images * p.patch.plane_pitch;
      w += K * K * p.filter_pitch;
    }
  }
  const unsigned largest = active ? store(p, part, lane, sums) : 0;
  if (p.fitting.states != nullptr)
    fit_to_maxima(p.fitting, part.run, largest, static_cast<unsigned>(p.blocks * p.s.groups));
}

}  // namespace qrun::cuda::direct
