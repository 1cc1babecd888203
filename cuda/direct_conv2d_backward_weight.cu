// The gradients of a direct convolution's weights and biases: a thread has rows of taps of some filters, and goes over
// the positions of its piece of the batch in order. A bias is a tap whose input is 1. What pieces there are depends on
// the shape alone: they are added in order by the last block of their filters and channels.
#include <algorithm>
#include <limits>

#include "cuda/direct_conv2d.h"
#include "cuda/image_patch.cuh"

namespace qrun::cuda {
namespace {

constexpr int kMostFilters = 64;  // of a block
constexpr int kOnes = 16;         // inputs of a bias: as many as a thread reads in a row

struct DirectWeight {
  int n, channels, filters, groups;  // of the batch, of a group
  int h, w, oh, ow, kernel, pad;
  ConvOperands operands;
  // How the positions of a batch are cut, by the shape alone: rows that come to shared memory together are a unit;
  // `slices` of a block's threads take its rows in turn; a piece is `units` of them.
  int columns;  // of a unit's rows, zeros behind the image included
  int rows, slices, units, pieces;
  int team;  // pieces that are added to each other first
  int span;  // pieces of a block: one, or a team's
  // What blocks do: sums of `threads` times kM filters, and of some channels.
  int threads = 0, block_filters = 0, block_channels = 0;
  Patch x, dy;  // of a unit
  Divisor by_spans, by_channel_blocks, by_filter_blocks, by_groups, by_row_blocks, by_team;
  Divisor by_rows_of_taps, by_threads, by_sums;  // sums: of a filter, in a block

  [[nodiscard]] QRUN_HD int taps() const { return kernel * kernel; }
  [[nodiscard]] QRUN_HD int sums() const { return channels * taps() + 1; }  // of a filter
};

/// Which sums a block makes, of which run, over which piece.
struct Part {
  int tile, piece, product, run, group, filter0, channel0;
  __device__ explicit Part(const DirectWeight& p) {
    const int block = static_cast<int>(blockIdx.x);
    tile = p.by_spans.quotient(block);
    piece = (block - tile * p.by_spans.value()) * p.span;
    const int filters = p.by_channel_blocks.quotient(tile);
    channel0 = (tile - filters * p.by_channel_blocks.value()) * p.block_channels;
    product = p.by_filter_blocks.quotient(filters);
    filter0 = (filters - product * p.by_filter_blocks.value()) * p.block_filters;
    run = p.by_groups.quotient(product);
    group = product - run * p.groups;
  }
};

/// A thread's sums: a row of taps (channel, ky) of the block, or the bias, of filters that lie p.threads apart.
struct Lane {
  int filter, channel, ky, slice;
  bool is_bias;
  __device__ explicit Lane(const DirectWeight& p) {
    const int thread = static_cast<int>(threadIdx.x);
    const int above = p.by_rows_of_taps.quotient(thread);
    const int row = thread - above * p.by_rows_of_taps.value();
    slice = p.by_threads.quotient(above);
    filter = above - slice * p.threads;
    channel = row / p.kernel;
    ky = row - channel * p.kernel;
    is_bias = channel == p.block_channels;
  }
};

/// Starts to bring a unit: the rows of the output's gradient, and those of the input that their windows meet.
__device__ void bring(const DirectWeight& p, const Part& part, float* to, int unit) {
  const int image = p.by_row_blocks.quotient(unit);
  const int row0 = (unit - image * p.by_row_blocks.value()) * p.rows;
  const ConvOperands& o = p.operands;
  const auto first = [&](const Tensor& t, int channels, int plane) {
    return t.data + part.run * t.stride + (static_cast<std::int64_t>(image) * p.groups + part.group) * channels * plane;
  };
  const auto planes = [](const float* from, int plane0, int count, int size) {
    return [=](int plane) {
      const bool inside = plane0 + plane < count;
      return Plane{from + (inside ? plane0 + plane : 0) * size, inside};
    };
  };
  const int pixels = p.oh * p.ow;
  p.dy.bring(to, row0, planes(first(o.y, p.filters, pixels), part.filter0, p.filters, pixels));
  const int plane = p.h * p.w;
  p.x.bring(to + p.dy.size(), row0 - p.pad, planes(first(o.x, p.channels, plane), part.channel0, p.channels, plane));
}

/// Adds kN positions side by side.
template <int K, int kM, int kN>
__device__ inline void add_positions(float (&sums)[kM][K], const float* x, const float* dy, int filter_step) {
  float pixels[(kN + K - 1 + 3) / 4 * 4];
  load_row(pixels, x);
#pragma unroll
  for (int m = 0; m < kM; ++m) {
    float gradients[kN];
    load_row(gradients, dy + m * filter_step);
#pragma unroll
    for (int j = 0; j < kN; ++j) {
#pragma unroll
      for (int kx = 0; kx < K; ++kx) sums[m][kx] = __fmaf_rn(gradients[j], pixels[j + kx], sums[m][kx]);
    }
  }
}

/// Adds the sums of a piece to those of the pieces before it.
template <int K, int kM>
__device__ inline void fold(float (&total)[kM][K], float (&sums)[kM][K]) {
#pragma unroll
  for (int m = 0; m < kM; ++m) {
#pragma unroll
    for (int kx = 0; kx < K; ++kx) {
      total[m][kx] += sums[m][kx];
      sums[m][kx] = 0.0F;
    }
  }
}

/// The sums that a block makes: filter and tap count from its first ones, the bias is behind the taps.
struct Sums {
  const DirectWeight& p;
  const Part& part;

  [[nodiscard]] __device__ int taps() const { return p.block_channels * p.taps(); }
  [[nodiscard]] __device__ int count() const { return p.block_filters * (taps() + 1); }
  /// False where there is no such sum, or another block makes it.
  [[nodiscard]] __device__ bool has(int filter, int tap) const {
    const bool has_tap = tap == taps() ? p.operands.b.data != nullptr && part.channel0 == 0
                                       : part.channel0 * p.taps() + tap < p.channels * p.taps();
    return has_tap && part.filter0 + filter < p.filters;
  }
  /// Its place in a piece, [filter][tap] of a group, the bias last.
  [[nodiscard]] __device__ int place(int filter, int tap) const {
    return (part.filter0 + filter) * p.sums() + (tap == taps() ? p.sums() - 1 : part.channel0 * p.taps() + tap);
  }
  [[nodiscard]] __device__ float* piece(int number) const {
    const std::int64_t size = static_cast<std::int64_t>(p.filters) * p.sums();
    return p.operands.space.sums + (static_cast<std::int64_t>(part.product) * p.pieces + number) * size;
  }
  __device__ void put(int filter, int tap, float sum) const {
    const int of_layer = part.group * p.filters + part.filter0 + filter;
    const ConvOperands& o = p.operands;
    if (tap == taps()) {
      o.b.data[part.run * o.b.stride + of_layer] = sum;
    } else {
      o.w.data[part.run * o.w.stride + static_cast<std::int64_t>(of_layer) * (p.sums() - 1) + part.channel0 * p.taps() +
               tap] = sum;
    }
  }

  /// Adds the sums of `count` pieces, `step` apart, in order, and calls store(filter, tap, sum). Each thread takes four
  /// at once, so that many loads are under way.
  template <class Store>
  __device__ void add_up(int first, int pieces, int step, const Store& store) const {
    constexpr int kAtOnce = 4;
    const float* const from = piece(first);
    const std::int64_t apart = static_cast<std::int64_t>(p.filters) * p.sums() * step;
    for (int begin = static_cast<int>(threadIdx.x); begin < count(); begin += kAtOnce * static_cast<int>(kThreads)) {
      float sums[kAtOnce] = {};
      int places[kAtOnce];
      for (int j = 0; j < kAtOnce; ++j) {
        const int i = begin + j * static_cast<int>(kThreads);
        const int filter = p.by_sums.quotient(i);
        const int tap = i - filter * p.by_sums.value();
        places[j] = i < count() && has(filter, tap) ? place(filter, tap) : -1;
      }
#pragma unroll 4
      for (int n = 0; n < pieces; ++n) {
        for (int j = 0; j < kAtOnce; ++j)  // past the first cache: others wrote them
          sums[j] += __ldcg(from + n * apart + (places[j] < 0 ? 0 : places[j]));
      }
      for (int j = 0; j < kAtOnce; ++j) {
        const int i = begin + j * static_cast<int>(kThreads);
        const int filter = p.by_sums.quotient(i);
        if (places[j] >= 0) store(filter, i - filter * p.by_sums.value(), sums[j]);
      }
    }
  }
};

/// Adds what the slices of the block have, through `shared`: to the gradient, or to the block's piece.
template <int K, int kM>
__device__ void add_slices(const DirectWeight& p, const Part& part, const Lane& lane, const float (&mine)[kM][K],
                           float* shared) {
  const Sums sums{p, part};
  const int taps = p.by_sums.value();
  const int size = sums.count();
#pragma unroll
  for (int m = 0; m < kM; ++m) {
#pragma unroll
    for (int kx = 0; kx < K; ++kx) {
      const int at = lane.slice * size + (lane.filter + m * p.threads) * taps + (lane.channel * K + lane.ky) * K + kx;
      if (lane.slice < p.slices && (kx == 0 || !lane.is_bias)) shared[at] = mine[m][kx];
    }
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < size; i += static_cast<int>(kThreads)) {
    const int filter = p.by_sums.quotient(i);
    const int tap = i - filter * taps;
    if (!sums.has(filter, tap)) continue;
    float sum = shared[i];
    for (int slice = 1; slice < p.slices; ++slice) sum += shared[slice * size + i];
    if (p.pieces == 1) {
      sums.put(filter, tap, sum);
    } else {
      sums.piece(part.piece)[sums.place(filter, tap)] = sum;
    }
  }
}

/// Adds pieces: the block that comes last of a team the team's, and the last of those what the teams have.
__device__ void add_pieces(const DirectWeight& p, const Part& part) {
  const Sums sums{p, part};
  const int teams = static_cast<int>(ceil_div(p.pieces, p.team));
  const int team = p.by_team.quotient(part.piece);
  const int first = team * p.team;
  const int members = first + p.team < p.pieces ? p.team : p.pieces - first;
  unsigned* const counters = p.operands.space.counters + part.tile * (teams + 1);
  if (p.span == 1) {
    publish();
    if (!is_last_block(counters + 1 + team, static_cast<unsigned>(members))) return;
    sums.add_up(first, members, 1,
                [&](int filter, int tap, float sum) { sums.piece(first)[sums.place(filter, tap)] = sum; });
  }
  publish();
  if (!is_last_block(counters, static_cast<unsigned>(teams))) return;
  sums.add_up(0, teams, p.team, [&](int filter, int tap, float sum) { sums.put(filter, tap, sum); });
}

template <int K, int kM, int kN>
__global__ void __launch_bounds__(kThreads, kM == 4 ? 3 : 2) direct_conv2d_weight_kernel(DirectWeight p) {
  alignas(16) __shared__ float space[2 * kStageFloats];
  alignas(16) __shared__ float ones[kOnes];
  if (threadIdx.x < kOnes) ones[threadIdx.x] = 1.0F;
  const Part part(p);
  const Lane lane(p);
  const int begin = part.piece * p.units;
  const int all = p.n * p.by_row_blocks.value();
  const int end = begin + p.units * p.span < all ? begin + p.units * p.span : all;
  // Where a row of taps meets the patch; a bias stays where the ones are.
  const int x_at = p.dy.size() + lane.channel * p.x.plane_pitch + lane.ky * p.x.pitch;
  const int row_step = lane.is_bias ? 0 : p.x.pitch;
  const int column_step = lane.is_bias ? 0 : 1;
  float sums[kM][K] = {};
  float total[kM][K] = {};  // of the pieces before
  int left = p.units;       // of the piece
  bring(p, part, space, begin);
  close_copies();
  for (int unit = begin; unit < end; ++unit) {
    wait_for_copies<0>();
    __syncthreads();  // the unit is there for all threads, and they are done with the one before it
    if (unit + 1 < end) bring(p, part, space + (unit + 1 - begin) % 2 * kStageFloats, unit + 1);
    close_copies();
    float* const now = space + (unit - begin) % 2 * kStageFloats;
    const float* const dy = now + lane.filter * p.dy.plane_pitch;
    const float* const x = lane.is_bias ? ones : now + x_at;
    for (int row = lane.slice; lane.slice < p.slices && row < p.rows; row += p.slices) {
      for (int column = 0; column < p.columns; column += kN)
        add_positions<K, kM, kN>(sums, x + row * row_step + column * column_step, dy + row * p.columns + column,
                                 p.threads * p.dy.plane_pitch);
    }
    if (--left == 0) {
      left = p.units;
      fold(total, sums);
    }
  }
  if (left != p.units) fold(total, sums);
  __syncthreads();
  add_slices<K, kM>(p, part, lane, total, space);
  if (p.pieces > 1) add_pieces(p, part);
}

/// Patches of a unit of `rows` rows, for a block's filters and channels. Neighbouring filters, and rows of taps, lie in
/// different banks.
Patch gradients_of(const DirectWeight& p, int rows, int filters) {
  return {filters, rows, p.columns, round_up(rows * p.columns - 4, 32) + 4, p.oh, p.ow, 0};
}
Patch inputs_of(const DirectWeight& p, int rows, int channels) {
  int pitch = round_up(p.columns + p.kernel - 1, 4);
  if (pitch % 8 == 0) pitch += 4;
  const int in_rows = rows + p.kernel - 1;
  const int ahead = p.kernel * pitch;  // from a channel's first row of taps to the next channel's
  const int size = ahead + round_up(in_rows * pitch - ahead, 32);
  return {channels, in_rows, pitch, size, p.h, p.w, p.pad};
}
bool fits(const DirectWeight& p, int rows, int filters, int channels) {
  return gradients_of(p, rows, filters).size() + inputs_of(p, rows, channels).size() <= kStageFloats;
}

int parts_of(int all, int most) { return static_cast<int>(ceil_div(all, ceil_div(all, most))); }  // of equal size

/// The shape, and how its positions are cut.
DirectWeight cut(const ConvShape& s, std::int64_t n, const ConvOperands& operands) {
  const auto i = [](std::int64_t v) { return static_cast<int>(v); };
  const Patch none(1, 1, 4, 4, 1, 1, 0);
  const Divisor one(1);
  DirectWeight p{.n = i(n),
                 .channels = i(s.c / s.groups),
                 .filters = i(s.o / s.groups),
                 .groups = i(s.groups),
                 .h = i(s.h),
                 .w = i(s.w),
                 .oh = i(s.out_h()),
                 .ow = i(s.out_w()),
                 .kernel = i(s.k),
                 .pad = i(s.pad),
                 .operands = operands,
                 .columns = 0,
                 .rows = 0,
                 .slices = 1,
                 .units = 0,
                 .pieces = 0,
                 .team = 1,
                 .span = 1,
                 .x = none,
                 .dy = none,
                 .by_spans = one,
                 .by_channel_blocks = one,
                 .by_filter_blocks = one,
                 .by_groups = Divisor(i(s.groups)),
                 .by_row_blocks = one,
                 .by_team = one,
                 .by_rows_of_taps = one,
                 .by_threads = one,
                 .by_sums = one};
  p.columns = round_up(p.ow, p.ow % 8 == 0 || p.ow % 8 > 4 ? 8 : 4);
  const int filters = round_up(std::min(p.filters, kMostFilters), 4);
  const int threads = filters / 4 * (p.channels * p.kernel + 1);
  int most = std::max(3840 / (filters * p.columns), 1);
  do {
    p.rows = parts_of(p.oh, most);
    p.slices = std::min(std::max(static_cast<int>(kThreads) / threads, 1), p.rows);
  } while (!fits(p, p.rows, filters, p.slices > 1 ? p.channels : 1) && most-- > 1);
  p.by_row_blocks = Divisor(static_cast<int>(ceil_div(p.oh, p.rows)));
  const std::int64_t all = n * p.by_row_blocks.value();
  const std::int64_t blocks = ceil_div(p.filters, kMostFilters) * ceil_div(p.channels, 8) * s.groups;
  const std::int64_t least = ceil_div(256, std::int64_t{p.rows} * p.ow);  // units, for as many positions
  p.units = i(std::max(ceil_div(all, std::clamp<std::int64_t>(256 / blocks, 1, 64)), least));
  p.pieces = i(ceil_div(all, p.units));
  while (p.team * p.team < p.pieces) ++p.team;
  p.by_team = Divisor(p.team);
  return p;
}

/// Blocks of `threads` times m filters, as many channels as `most` threads have, and `span` pieces; false where they do
/// not fit. Slices of a piece are added before pieces are: a block of several would turn that order.
bool set_blocks(DirectWeight& p, int m, int span, int most) {
  if (span > 1 && p.slices > 1) return false;
  p.span = span;
  p.by_spans = Divisor(static_cast<int>(ceil_div(p.pieces, span)));
  const int filters = parts_of(p.filters, kMostFilters);
  p.threads = static_cast<int>(ceil_div(filters, m));
  p.block_filters = p.threads * m;
  const int channels = (most / (p.threads * p.slices) - 1) / p.kernel;
  if (channels < (p.slices > 1 ? p.channels : 1)) return false;
  p.block_channels = parts_of(p.channels, channels);
  while (!fits(p, p.rows, p.block_filters, p.block_channels)) {
    if (p.block_channels == 1 || p.slices > 1) return false;
    --p.block_channels;
  }
  p.dy = gradients_of(p, p.rows, p.block_filters);
  p.x = inputs_of(p, p.rows, p.block_channels);
  p.by_filter_blocks = Divisor(static_cast<int>(ceil_div(p.filters, p.block_filters)));
  p.by_channel_blocks = Divisor(static_cast<int>(ceil_div(p.channels, p.block_channels)));
  p.by_rows_of_taps = Divisor(p.block_channels * p.kernel + 1);
  p.by_threads = Divisor(p.threads);
  p.by_sums = Divisor(p.block_channels * p.taps() + 1);
  return true;
}

/// Cycles of a multiprocessor, roughly, as in direct_conv2d.cu. `row`: instructions of a thread for kN positions.
double cost_of(const DirectWeight& p, std::int64_t blocks, int columns, double row, int processors) {
  constexpr double kCopy = 8;
  constexpr double kUnit = 800;
  constexpr double kSum = 0.6;  // of a sum, to hand it on
  const int threads = p.by_rows_of_taps.value() * p.threads * p.slices;
  const double thread = static_cast<double>(ceil_div(p.rows, p.slices)) * p.columns / columns * row;
  const auto copies = [](const Patch& patch) { return patch.planes * patch.rows * patch.by_copies.value() / 32; };
  const double unit = thread * static_cast<double>(ceil_div(threads, 32)) / 4 + (copies(p.x) + copies(p.dy)) * kCopy;
  const double end = 2000 + kSum * p.block_filters * p.by_sums.value();
  const int units = p.units * p.span;
  return std::max(static_cast<double>(ceil_div(blocks, processors)) * (units * unit + end),
                  units * (1.5 * thread + kUnit) + end);
}

template <int K, int kN>
void launch_weight(const Scope& scope, DirectWeight p) {
  double least = std::numeric_limits<double>::infinity();
  DirectWeight best = p;
  std::int64_t grid = 0;
  void (*kernel)(DirectWeight) = nullptr;
  const auto consider = [&](void (*candidate)(DirectWeight), int m, double row) {
    for (const int span : {1, p.team}) {
      for (const int most : {256, 128, 64}) {
        if (!set_blocks(p, m, span, most)) continue;
        const std::int64_t blocks = std::int64_t{p.by_filter_blocks.value()} * p.by_channel_blocks.value() *
                                    p.by_spans.value() * scope.runs * p.groups;
        const double cost = cost_of(p, blocks, kN, row, scope.processors);
        if (cost >= least) continue;
        least = cost;
        best = p;
        grid = blocks;
        kernel = candidate;
      }
    }
  };
  // Instructions read off sm_90's machine code.
  consider(direct_conv2d_weight_kernel<K, 4, kN>, 4, kN == 8 ? (K == 5 ? 183 : 119) : (K == 5 ? 98 : 63));
  if (p.slices == 1)
    consider(direct_conv2d_weight_kernel<K, 8, kN>, 8, kN == 8 ? (K == 5 ? 355 : 227) : (K == 5 ? 186 : 122));
  launch(scope.stream, dim3(static_cast<unsigned>(grid)), kernel, best);
}

}  // namespace

bool has_direct_conv2d_weight(const ConvShape& s) { return has_direct_conv2d(s) && s.out_w() <= 56; }

void direct_conv2d_backward_weight(const Scope& scope, const ConvShape& s, const ConvOperands& operands) {
  const DirectWeight p = cut(s, scope.n, operands);
  const bool eight = p.columns % 8 == 0;
  if (s.k == 3) return eight ? launch_weight<3, 8>(scope, p) : launch_weight<3, 4>(scope, p);
  return eight ? launch_weight<5, 8>(scope, p) : launch_weight<5, 4>(scope, p);
}

PieceNeeds direct_conv2d_backward_weight_needs(const ConvShape& s, std::int64_t n) {
  const DirectWeight p = cut(s, n, {});
  if (p.pieces == 1) return {};
  // Counters: of any blocks that the channels and filters of a group are cut into.
  return {s.groups * p.pieces * p.filters * p.sums(),
          s.groups * p.channels * ceil_div(p.filters, 4) * (ceil_div(p.pieces, p.team) + 1)};
}

}  // namespace qrun::cuda
