// The gradients of a direct convolution's weights and biases: how positions are cut, and the tiles that they take.
#include <algorithm>
#include <limits>

#include "cuda/direct_conv2d.h"
#include "cuda/direct_conv2d_backward_weight.cuh"

namespace qrun::cuda {
namespace {

using namespace direct_weight;

constexpr int kMostFilters = 64;  // of a block

/// Patches of a unit of `rows` rows, for a block's filters and channels. Neighbouring filters, and rows of taps, lie in
/// different banks.
Patch gradients_of(const DirectWeight& p, int rows, int filters) {
  return {filters, rows, p.columns, round_up(rows * p.columns - 4, 32) + 4, p.s.oh, p.s.ow, 0};
}
Patch inputs_of(const DirectWeight& p, int rows, int channels) {
  int pitch = round_up(p.columns + p.s.k.h - 1, 4);
  if (pitch % 8 == 0) pitch += 4;
  const int in_rows = rows + p.s.k.h - 1;
  const int ahead = p.s.k.h * pitch;  // from a channel's first row of taps to the next channel's
  const int size = ahead + round_up(in_rows * pitch - ahead, 32);
  return {channels, in_rows, pitch, size, p.s.h, p.s.w, p.s.pad.h};
}
bool fits(const DirectWeight& p, int rows, int filters, int channels) {
  return gradients_of(p, rows, filters).size() + inputs_of(p, rows, channels).size() <= kStageFloats;
}

/// The shape, and how its positions are cut.
DirectWeight cut(const ConvShape& s, std::int64_t n, const ConvOperands& operands) {
  const auto i = [](std::int64_t v) { return static_cast<int>(v); };
  DirectWeight p{.s = Shape32(s, n), .operands = operands};
  p.columns = round_up(p.s.ow, p.s.ow % 8 == 0 || p.s.ow % 8 > 4 ? 8 : 4);
  const int filters = round_up(std::min(p.s.filters, kMostFilters), 4);
  const int threads = filters / 4 * (p.s.channels * p.s.k.h + 1);
  int most = std::max(3840 / (filters * p.columns), 1);
  do {
    p.rows = even_part(p.s.oh, most);
    p.slices = std::min(std::max(static_cast<int>(kThreads) / threads, 1), p.rows);
  } while (!fits(p, p.rows, filters, p.slices > 1 ? p.s.channels : 1) && most-- > 1);
  p.by_row_blocks = Divisor(static_cast<int>(ceil_div(p.s.oh, p.rows)));
  const std::int64_t all = n * p.by_row_blocks.value();
  const std::int64_t blocks = ceil_div(p.s.filters, kMostFilters) * ceil_div(p.s.channels, 8) * s.groups;
  const std::int64_t least = ceil_div(256, std::int64_t{p.rows} * p.s.ow);  // units, for as many positions
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
  const int filters = even_part(p.s.filters, kMostFilters);
  p.threads = static_cast<int>(ceil_div(filters, m));
  p.block_filters = p.threads * m;
  const int channels = (most / (p.threads * p.slices) - 1) / p.s.k.h;
  if (channels < (p.slices > 1 ? p.s.channels : 1)) return false;
  p.block_channels = even_part(p.s.channels, channels);
  while (!fits(p, p.rows, p.block_filters, p.block_channels)) {
    if (p.block_channels == 1 || p.slices > 1) return false;
    --p.block_channels;
  }
  p.dy = gradients_of(p, p.rows, p.block_filters);
  p.x = inputs_of(p, p.rows, p.block_channels);
  p.by_filter_blocks = Divisor(static_cast<int>(ceil_div(p.s.filters, p.block_filters)));
  p.by_channel_blocks = Divisor(static_cast<int>(ceil_div(p.s.channels, p.block_channels)));
  p.by_rows_of_taps = Divisor(p.block_channels * p.s.k.h + 1);
  p.by_threads = Divisor(p.threads);
  p.by_sums = Divisor(p.block_taps() + 1);
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
                                    p.by_spans.value() * scope.runs * p.s.groups;
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
  return {s.groups * p.pieces * p.piece_size(),
          s.groups * p.s.channels * ceil_div(p.s.filters, 4) * (ceil_div(p.pieces, p.team) + 1)};
}

}  // namespace qrun::cuda
