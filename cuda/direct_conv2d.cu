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
  int block_filters, blocks;  // filters of a block; blocks of a group of a run
  Divisor by_blocks, by_filter_blocks, by_row_blocks, by_groups;
  Divisor by_images, by_threads, by_segments, by_taps;  // taps: of a stage, for one filter
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

/// Starts to bring the weights of channels from `channel0` on: [tap of the stage][filter of the block].
template <int K>
__device__ void bring_weights(const DirectConv& p, const Part& part, float* to, int channel0) {
  constexpr int kTaps = K * K;
  const float* from = p.weights.data + part.run * p.weights.run_stride + part.group * p.weights.group_stride;
  const int taps = p.by_taps.value();
  for (int i = static_cast<int>(threadIdx.x); i < taps * p.block_filters; i += static_cast<int>(kThreads)) {
    const int filter = p.by_taps.quotient(i);
    const int at = i - filter * taps;
    const int channel = at / kTaps;
    const int tap = at - channel * kTaps;
    const bool inside = part.filter0 + filter < p.filters && channel0 + channel < p.channels;
    const int offset = (part.filter0 + filter) * p.weights.filter_stride +
                       (channel0 + channel) * p.weights.channel_stride + (p.weights.turned ? kTaps - 1 - tap : tap);
    copy_async(to + at * p.block_filters + filter, from + (inside ? offset : 0), inside);
  }
}

/// Adds a row of taps: x, the pixels that they meet; w, [kx][filter].
template <int K, int kM, int kN>
__device__ inline void add_row(float (&sums)[kM][kN], const float* x, const float* w, int block_filters) {
  float pixels[(kN + K - 1 + 3) / 4 * 4];
  load_row(pixels, x);
#pragma unroll
  for (int kx = 0; kx < K; ++kx) {
    float weights[kM];
    load_row(weights, w + kx * block_filters);
#pragma unroll
    for (int m = 0; m < kM; ++m) {
#pragma unroll
      for (int j = 0; j < kN; ++j) sums[m][j] = __fmaf_rn(weights[m], pixels[kx + j], sums[m][j]);
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
__global__ void __launch_bounds__(kThreads, kM* kN > 32 ? 2 : 3) direct_conv2d_kernel(DirectConv p) {
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
  const int x_offset = lane.image * p.patch.plane_pitch + (top - first) * p.patch.pitch + lane.segment * kN;
  float sums[kM][kN] = {};
  bring(0);
  close_copies();
  for (int stage = 0; stage < stages; ++stage) {
    if (stage + 1 < stages) bring(stage + 1);
    close_copies();
    wait_for_copies<1>();
    __syncthreads();
    const float* x = space[stage % 2] + x_offset;
    const float* w = space[stage % 2] + p.patch.size() + lane.filter;
    const int left = p.channels - stage * p.chunk;
    for (int c = 0; active && c < (left < p.chunk ? left : p.chunk); ++c) {
#pragma unroll
      for (int ky = 0; ky < K; ++ky) {
        if (static_cast<unsigned>(top + ky) < static_cast<unsigned>(p.h))
          add_row<K>(sums, x + ky * p.patch.pitch, w + ky * K * p.block_filters, p.block_filters);
      }
      x += p.tile.images * p.patch.plane_pitch;
      w += K * K * p.block_filters;
    }
    __syncthreads();
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

/// A kernel with the tile that it would take here.
struct Choice {
  Tile tile{};
  int filter_blocks = 0, row_blocks = 0, image_blocks = 0, rows_in = 0, pitch = 0, plane_pitch = 0, chunk = 0;
  [[nodiscard]] int blocks() const { return filter_blocks * row_blocks * image_blocks; }
};

int parts_of(int all, int most) { return static_cast<int>(ceil_div(all, ceil_div(all, most))); }  // of equal size

/// Tiles of kM x kN sums a thread, with at most `threads` at work; chunk 0: they do not fit.
Choice choose(const Problem& p, int m, int n, int threads) {
  Choice c;
  Tile& tile = c.tile;
  tile.segments = static_cast<int>(ceil_div(p.ow, n));
  const int most = std::min(std::max(threads / tile.segments, 1), std::max(64 / m, 1));
  tile.threads = parts_of(static_cast<int>(ceil_div(p.filters, m)), most);
  const int left = std::max(threads / (tile.threads * tile.segments), 1);
  tile.images = std::min({p.n, left, static_cast<int>(ceil_div(32, tile.threads))});  // a warp has few rows then
  tile.rows = parts_of(p.oh, std::max(left / tile.images, 1));
  if (tile.rows == p.oh) tile.images = std::min(p.n, std::max(left / tile.rows, 1));
  c.filter_blocks = static_cast<int>(ceil_div(p.filters, tile.threads * m));
  c.row_blocks = static_cast<int>(ceil_div(p.oh, tile.rows));
  c.pitch = round_up(tile.segments * n + p.kernel - 1, 4);
  c.rows_in = std::min(p.h, tile.rows + p.kernel - 1);
  const auto shape = [&] {
    c.image_blocks = static_cast<int>(ceil_div(p.n, tile.images));
    c.plane_pitch = round_up(c.rows_in * c.pitch - 4, 32) + 4;  // images begin four banks apart
    const int channel = tile.images * c.plane_pitch + p.kernel * p.kernel * tile.threads * m;
    c.chunk = std::min(kStageFloats / channel, p.channels);
  };
  for (shape(); c.chunk == 0 && tile.images > 1; shape()) tile.images /= 2;
  return c;
}

template <int K>
void launch_direct(const Scope& scope, const Problem& problem, DirectConv p) {
  double least = std::numeric_limits<double>::infinity();
  Choice best;
  int best_m = 0;
  void (*kernel)(DirectConv) = nullptr;
  const auto consider = [&](void (*candidate)(DirectConv), int m, int n, double share) {
    for (const int threads : {256, 128, 64}) {
      const Choice c = choose(problem, m, n, threads);
      if (c.chunk == 0 || c.tile.active() > static_cast<int>(kThreads)) continue;
      const std::int64_t blocks = std::int64_t{c.blocks()} * scope.runs * problem.groups;
      const double cost = cost_of_tiles(blocks, c.tile.active(), m * n / share, scope.processors);
      if (cost >= least) continue;
      least = cost;
      best = c;
      best_m = m;
      kernel = candidate;
    }
  };
  // Shares of multiply-adds among a row's instructions.
  consider(direct_conv2d_kernel<K, 4, 4>, 4, 4, 0.80);
  consider(direct_conv2d_kernel<K, 4, 8>, 4, 8, 0.88);
  consider(direct_conv2d_kernel<K, 4, 12>, 4, 12, 0.91);
  consider(direct_conv2d_kernel<K, 8, 8>, 8, 8, 0.93);
  const auto divisor = [](int d) { return Divisor(d); };
  p.tile = best.tile;
  p.chunk = best.chunk;
  p.patch = Patch(best.chunk * best.tile.images, best.rows_in, best.pitch, best.plane_pitch, p.h, p.w, p.pad);
  p.block_filters = best.tile.threads * best_m;
  p.blocks = best.blocks();
  p.by_blocks = divisor(p.blocks);
  p.by_filter_blocks = divisor(best.filter_blocks);
  p.by_row_blocks = divisor(best.row_blocks);
  p.by_images = divisor(best.tile.images);
  p.by_threads = divisor(best.tile.threads);
  p.by_segments = divisor(best.tile.segments);
  p.by_taps = divisor(best.chunk * K * K);
  launch(scope.stream, dim3(static_cast<unsigned>(p.blocks * scope.runs * problem.groups)), kernel, p);
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
          .blocks = 0,
          .by_blocks = one,
          .by_filter_blocks = one,
          .by_row_blocks = one,
          .by_groups = Divisor(p.groups),
          .by_images = one,
          .by_threads = one,
          .by_segments = one,
          .by_taps = one};
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
