// Direct convolution, and the gradient of its input, which is the convolution of the output's gradient with turned
// filters. A sum runs over (c, ky, kx) in order; rows above and below the image are left out.
#include <algorithm>
#include <limits>

#include "cuda/direct_conv2d.h"
#include "cuda/fitting.cuh"
#include "cuda/image_patch.cuh"

namespace qrun::cuda {
namespace {

/// Images in device memory: of one group `channels` of `plane` values; image and run apart.
struct Images {
  float* data;
  std::int64_t run_stride;
  int image_stride, group_stride, plane;
  __device__ float* at(int run, int group, int image) const {
    return data + run * run_stride + static_cast<std::int64_t>(image) * image_stride +
           static_cast<std::int64_t>(group) * group_stride;
  }
};

/// Weights of a run: that of (filter, channel, tap) of a group.
struct Filters {
  const float* data;
  std::int64_t run_stride, group_stride;
  int filter_stride, channel_stride;
  bool turned;
};

/// Sums of a block: rows x segments of kN pixels, of `images` images, for `threads` times kM filters.
struct Tile {
  int images, rows, segments, threads;
  [[nodiscard]] QRUN_HD int active() const { return images * rows * segments * threads; }
};

struct DirectConv {
  int n, channels, filters;  // of the batch, of a group
  int h, w, oh, ow, pad;
  Images in, out;
  Filters weights;
  Tensor bias;
  Fitting fitting;
  Tile tile;
  int chunk;  // channels of a stage
  Patch patch;
  int block_filters, filter_pitch, blocks;  // filters of a block; floats from tap to tap; blocks of a group of a run
  Divisor by_blocks, by_filter_blocks, by_row_blocks, by_groups;
  Divisor by_images, by_threads, by_segments, by_warps;  // warps: that bring the filters of a tap
};

/// Which part of which run a block works on.
struct Part {
  int run, group, filter0, row0, image0;
  __device__ explicit Part(const DirectConv& p) {
    int block = static_cast<int>(blockIdx.x);
    const int product = p.by_blocks.quotient(block);
    run = p.by_groups.quotient(product);
    group = product - run * p.by_groups.value();
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
  const float* const from = p.weights.data + part.run * p.weights.run_stride + part.group * p.weights.group_stride +
                            static_cast<std::int64_t>(filter) * p.weights.filter_stride;
  const int filters = p.filters - filter;  // left from the thread's first on
  // The filters of a few taps are work for several warps, the taps of a stage for all.
  const int across = p.by_warps.value();
  const int warp = thread / 32;
  const int first = p.by_warps.quotient(warp);
  const int begin = (warp - first * across) * 4;
  for (int at = first * 8 + thread % 8; at < p.chunk * kTaps; at += static_cast<int>(kThreads) / 32 / across * 8) {
    const int channel = at / kTaps;
    const int tap = at - channel * kTaps;
    const bool has_channel = channel0 + channel < p.channels;
    const int offset = (channel0 + channel) * p.weights.channel_stride + (p.weights.turned ? kTaps - 1 - tap : tap);
    float* const place = to + at * p.filter_pitch + thread % 32 / 8;
#pragma unroll 4
    for (int f = begin; f < p.block_filters; f += 4 * across) {
      const bool inside = has_channel && f < filters;
      copy_async(place + f, inside ? from + offset + f * p.weights.filter_stride : p.weights.data, inside);
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
  float* const image = p.out.at(part.run, part.group, part.image0 + lane.image);
  const int column0 = lane.segment * kN;
#pragma unroll
  for (int m = 0; m < kM; ++m) {
    const int filter = part.filter0 + lane.filter + m;
    if (filter >= p.filters) break;
    const float bias =
        p.bias.data == nullptr ? 0.0F : p.bias.data[part.run * p.bias.stride + part.group * p.filters + filter];
    float* const to = image + filter * p.out.plane + (part.row0 + lane.row) * p.ow + column0;
    float y[kN];
#pragma unroll
    for (int j = 0; j < kN; ++j) {
      y[j] = p.bias.data == nullptr ? sums[m][j] : sums[m][j] + bias;
      const unsigned bits = column0 + j < p.ow ? __float_as_uint(y[j]) & 0x7fffffffU : 0;
      largest = largest > bits ? largest : bits;
    }
#pragma unroll
    for (int j = 0; j < kN; j += 4) {
      if (p.ow % 4 == 0) {  // then a group of four ends with the row
        if (column0 + j < p.ow) *reinterpret_cast<float4*>(to + j) = {y[j], y[j + 1], y[j + 2], y[j + 3]};
      } else {
        for (int i = j; i < j + 4; ++i)
          if (column0 + i < p.ow) to[i] = y[i];
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
  const int first = part.row0 > p.pad ? part.row0 - p.pad : 0;  // row in the patch
  const int stages = (p.channels + p.chunk - 1) / p.chunk;
  const auto bring = [&](int stage) {
    const int channel0 = stage * p.chunk;
    p.patch.bring(space[stage % 2], first, [&](int plane) {
      const int channel = p.by_images.quotient(plane);
      const int image = part.image0 + plane - channel * p.tile.images;
      const bool inside = image < p.n && channel0 + channel < p.channels;
      const int offset = inside ? (channel0 + channel) * p.in.plane : 0;
      return Plane{p.in.at(part.run, part.group, inside ? image : 0) + offset, inside};
    });
    bring_weights<K>(p, part, space[stage % 2] + p.patch.size(), channel0);
  };

  const bool active = lane.active && part.image0 + lane.image < p.n && part.row0 + lane.row < p.oh;
  const int top = part.row0 + lane.row - p.pad;  // of the thread's windows
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
    const int left = p.channels - stage * p.chunk;
    for (int c = 0; active && c < (left < p.chunk ? left : p.chunk); ++c) {
      add_channel<K>(sums, x, p.patch.pitch, w, p.filter_pitch, top, first, p.h);
      x += p.tile.images * p.patch.plane_pitch;
      w += K * K * p.filter_pitch;
    }
  }
  const unsigned largest = active ? store(p, part, lane, sums) : 0;
  if (p.fitting.states != nullptr)
    fit_to_maxima(p.fitting, part.run, largest, static_cast<unsigned>(p.blocks * p.by_groups.value()));
}

/// What the kernel is asked for, before tiles are chosen.
struct Problem {
  int n, channels, filters, groups;
  int h, w, oh, ow, pad, kernel;
};

/// A kernel and the tile that it would take.
struct Choice {
  void (*kernel)(DirectConv) = nullptr;
  int filters = 0, pixels = 0;  // of a thread
  double row = 0;               // instructions for a row of taps, read off sm_90's machine code
  Tile tile{};
  int filter_blocks = 0, row_blocks = 0, image_blocks = 0;
  int rows_in = 0, pitch = 0, plane_pitch = 0, filter_pitch = 0, chunk = 0;  // of shared memory; chunk 0: too little
  [[nodiscard]] int blocks() const { return filter_blocks * row_blocks * image_blocks; }
  [[nodiscard]] int block_filters() const { return tile.threads * filters; }
};

int parts_of(int all, int most) { return static_cast<int>(ceil_div(all, ceil_div(all, most))); }  // of equal size

/// Lays a tile of `images` images out, for at most `filters` filters and `threads` threads at work.
Choice laid_out(const Problem& p, Choice c, int filters, int images, int threads) {
  Tile& tile = c.tile;
  tile.segments = static_cast<int>(ceil_div(p.ow, c.pixels));
  const int most = std::min(std::max(filters / c.filters, 1), std::max(threads / tile.segments, 1));
  tile.threads = parts_of(static_cast<int>(ceil_div(p.filters, c.filters)), most);
  tile.images = std::min(p.n, images);
  tile.rows = parts_of(p.oh, std::max(threads / (tile.threads * tile.segments * tile.images), 1));
  if (tile.active() > threads) return c;
  c.filter_blocks = static_cast<int>(ceil_div(p.filters, c.block_filters()));
  c.row_blocks = static_cast<int>(ceil_div(p.oh, tile.rows));
  c.image_blocks = static_cast<int>(ceil_div(p.n, tile.images));
  c.rows_in = std::min(p.h, tile.rows + p.kernel - 1);
  c.pitch = round_up(tile.segments * c.pixels + p.kernel - 1, 4);
  c.plane_pitch = round_up(c.rows_in * c.pitch - 4, 32) + 4;  // images begin four banks apart
  c.filter_pitch = round_up(c.block_filters() - 4, 8) + 4;    // and so do taps, up to eight of them
  const int channel = tile.images * c.plane_pitch + p.kernel * p.kernel * c.filter_pitch;
  c.chunk = std::min(kStageFloats / channel, p.channels);
  return c;
}

/// Cycles of a multiprocessor, roughly: what its blocks compute and copy, four warps at a time where there are enough of
/// them, and what one warp waits for itself. The constants fit times measured on an H100.
double cost_of(const Problem& p, const Choice& c, std::int64_t products, int processors) {
  constexpr double kCopy = 8;      // cycles of a warp's copies
  constexpr double kStage = 800;   // until a stage's copies arrive
  constexpr double kBlock = 1500;  // to start and to end one
  const Tile& tile = c.tile;
  const std::int64_t blocks = ceil_div(c.blocks() * products, processors);
  const auto warps = static_cast<double>(ceil_div(tile.active(), 32));
  const double together =
      warps * static_cast<double>(std::min<std::int64_t>(blocks, c.filters * c.pixels == 32 ? 3 : 2));
  const double thread = p.channels * p.kernel * c.row;
  const int step = p.w % 4 == 0 && p.pad % 4 == 0 ? 4 : 1;
  const double copies = static_cast<double>(p.kernel * p.kernel * c.block_filters()) / 32 +
                        static_cast<double>(tile.images * c.rows_in * c.pitch) / step / 32;
  const double block = thread * warps / 4 * (together + 2) / together + p.channels * copies * kCopy + kBlock;
  const double waits = thread + static_cast<double>(ceil_div(p.channels, c.chunk)) * kStage;
  return static_cast<double>(blocks) * block + waits / 2;
}

template <int K>
Choice choose(const Problem& p, std::int64_t products, int processors) {
  const Choice kernels[] = {{direct_conv2d_kernel<K, 4, 4>, 4, 4, K == 5 ? 98 : 62},
                            {direct_conv2d_kernel<K, 4, 8>, 4, 8, K == 5 ? 181 : 114},
                            {direct_conv2d_kernel<K, 4, 12>, 4, 12, K == 5 ? 265 : 163},
                            {direct_conv2d_kernel<K, 8, 8>, 8, 8, K == 5 ? 346 : 213}};
  Choice best;
  double least = std::numeric_limits<double>::infinity();
  for (const Choice& kernel : kernels) {
    for (const int filters : {64, 32, 16}) {
      for (const int images : {1, 2, 4, 8, 16}) {
        for (const int threads : {256, 128}) {
          const Choice c = laid_out(p, kernel, filters, images, threads);
          if (c.chunk == 0) continue;
          const double cost = cost_of(p, c, products, processors);
          if (cost < least) best = c;
          least = std::min(least, cost);
        }
      }
    }
  }
  return best;
}

template <int K>
void launch_direct(const Scope& scope, const Problem& problem, DirectConv p) {
  const int products = scope.runs * problem.groups;
  const Choice best = choose<K>(problem, products, scope.processors);
  p.tile = best.tile;
  p.chunk = best.chunk;
  p.patch = Patch(best.chunk * best.tile.images, best.rows_in, best.pitch, best.plane_pitch, p.h, p.w, p.pad);
  p.block_filters = best.block_filters();
  p.filter_pitch = best.filter_pitch;
  p.blocks = best.blocks();
  p.by_blocks = Divisor(p.blocks);
  p.by_filter_blocks = Divisor(best.filter_blocks);
  p.by_row_blocks = Divisor(best.row_blocks);
  p.by_images = Divisor(best.tile.images);
  p.by_threads = Divisor(best.tile.threads);
  p.by_segments = Divisor(best.tile.segments);
  int warps = 1;
  while (warps < 8 && ceil_div(best.chunk * K * K, 8) * warps < 8) warps *= 2;
  p.by_warps = Divisor(warps);
  launch(scope.stream, dim3(static_cast<unsigned>(p.blocks * products)), best.kernel, p);
}

DirectConv operands_of(const Problem& p) {
  const Divisor one(1);
  return {.n = p.n,
          .channels = p.channels,
          .filters = p.filters,
          .h = p.h,
          .w = p.w,
          .oh = p.oh,
          .ow = p.ow,
          .pad = p.pad,
          .in = {},
          .out = {},
          .weights = {},
          .bias = {},
          .fitting = {},
          .tile = {},
          .chunk = 0,
          .patch = Patch(1, 1, 4, 4, p.h, p.w, p.pad),
          .block_filters = 0,
          .filter_pitch = 0,
          .blocks = 0,
          .by_blocks = one,
          .by_filter_blocks = one,
          .by_row_blocks = one,
          .by_groups = Divisor(p.groups),
          .by_images = one,
          .by_threads = one,
          .by_segments = one,
          .by_warps = one};
}

void launch_direct(const Scope& scope, const Problem& problem, const DirectConv& p) {
  problem.kernel == 3 ? launch_direct<3>(scope, problem, p) : launch_direct<5>(scope, problem, p);
}

Images images_of(const Tensor& t, std::int64_t channels, std::int64_t groups, std::int64_t plane) {
  return {t.data, t.stride, static_cast<int>(channels * plane), static_cast<int>(channels / groups * plane),
          static_cast<int>(plane)};
}

}  // namespace

bool has_direct_conv2d(const ConvShape& s) {
  return s.stride == 1 && (s.k == 3 || s.k == 5) && s.pad < s.k && s.w <= 512 && s.out_w() <= 512;
}

void direct_conv2d(const Scope& scope, const ConvShape& s, const ConvOperands& operands, const Fitting& fitting) {
  const auto i = [](std::int64_t v) { return static_cast<int>(v); };
  const Problem problem{i(scope.n), i(s.c / s.groups), i(s.o / s.groups), i(s.groups), i(s.h),
                        i(s.w),     i(s.out_h()),      i(s.out_w()),      i(s.pad),    i(s.k)};
  DirectConv p = operands_of(problem);
  const int taps = i(s.k * s.k);
  p.in = images_of(operands.x, s.c, s.groups, s.h * s.w);
  p.out = images_of(operands.y, s.o, s.groups, s.out_h() * s.out_w());
  p.weights = {operands.w.data,
               operands.w.stride,
               std::int64_t{problem.filters} * problem.channels * taps,
               problem.channels * taps,
               taps,
               false};
  p.bias = operands.b;
  p.fitting = fitting;
  launch_direct(scope, problem, p);
}

void direct_conv2d_backward_data(const Scope& scope, const ConvShape& s, const ConvOperands& operands) {
  const auto i = [](std::int64_t v) { return static_cast<int>(v); };
  const Problem problem{i(scope.n),
                        i(s.o / s.groups),
                        i(s.c / s.groups),
                        i(s.groups),
                        i(s.out_h()),
                        i(s.out_w()),
                        i(s.h),
                        i(s.w),
                        i(s.k - 1 - s.pad),
                        i(s.k)};
  DirectConv p = operands_of(problem);
  const int taps = i(s.k * s.k);
  p.in = images_of(operands.y, s.o, s.groups, s.out_h() * s.out_w());
  p.out = images_of(operands.x, s.c, s.groups, s.h * s.w);
  p.weights = {operands.w.data,
               operands.w.stride,
               std::int64_t{problem.filters} * problem.channels * taps,
               taps,
               problem.filters * taps,
               true};
  launch_direct(scope, problem, p);
}

}  // namespace qrun::cuda
