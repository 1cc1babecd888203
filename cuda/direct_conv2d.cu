// Direct convolution, and the gradient of its input, which is the convolution of the output's gradient with turned
// filters: the tiles that they take.
#include <algorithm>
#include <limits>

#include "cuda/direct_conv2d.cuh"
#include "cuda/direct_conv2d.h"

namespace qrun::cuda {
namespace {

using namespace direct;

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

/// Lays a tile of `images` images out, for at most `filters` filters and `threads` threads at work.
Choice laid_out(const Shape32& p, Choice c, int filters, int images, int threads) {
  Tile& tile = c.tile;
  tile.segments = static_cast<int>(ceil_div(p.ow, c.pixels));
  const int most = std::min(std::max(filters / c.filters, 1), std::max(threads / tile.segments, 1));
  tile.threads = even_part(static_cast<int>(ceil_div(p.filters, c.filters)), most);
  tile.images = std::min(p.n, images);
  tile.rows = even_part(p.oh, std::max(threads / (tile.threads * tile.segments * tile.images), 1));
  if (tile.active() > threads) return c;
  c.filter_blocks = static_cast<int>(ceil_div(p.filters, c.block_filters()));
  c.row_blocks = static_cast<int>(ceil_div(p.oh, tile.rows));
  c.image_blocks = static_cast<int>(ceil_div(p.n, tile.images));
  c.rows_in = std::min(p.h, tile.rows + p.k.h - 1);
  c.pitch = round_up(tile.segments * c.pixels + p.k.h - 1, 4);
  c.plane_pitch = round_up(c.rows_in * c.pitch - 4, 32) + 4;  // images begin four banks apart
  c.filter_pitch = round_up(c.block_filters() - 4, 8) + 4;    // and so do taps, up to eight of them
  const int channel = tile.images * c.plane_pitch + p.k.size() * c.filter_pitch;
  c.chunk = std::min(kStageFloats / channel, p.channels);
  return c;
}

/// Cycles of a multiprocessor, roughly: what its blocks compute and copy, four warps at a time where there are enough of
/// them, and what one warp waits for itself. The constants fit times measured on an H100.
double cost_of(const Shape32& p, const Choice& c, std::int64_t products, int processors) {
  constexpr double kCopy = 8;      // cycles of a warp's copies
  constexpr double kStage = 800;   // until a stage's copies arrive
  constexpr double kBlock = 1500;  // to start and to end one
  const Tile& tile = c.tile;
  const std::int64_t blocks = ceil_div(c.blocks() * products, processors);
  const auto warps = static_cast<double>(ceil_div(tile.active(), 32));
  const double together =
      warps * static_cast<double>(std::min<std::int64_t>(blocks, c.filters * c.pixels == 32 ? 3 : 2));
  const double thread = p.channels * p.k.h * c.row;
  const int step = p.w % 4 == 0 && p.pad.h % 4 == 0 ? 4 : 1;
  const double copies = static_cast<double>(p.k.size() * c.block_filters()) / 32 +
                        static_cast<double>(tile.images * c.rows_in * c.pitch) / step / 32;
  const double block = thread * warps / 4 * (together + 2) / together + p.channels * copies * kCopy + kBlock;
  const double waits = thread + static_cast<double>(ceil_div(p.channels, c.chunk)) * kStage;
  return static_cast<double>(blocks) * block + waits / 2;
}

template <int K>
Choice choose(const Shape32& p, std::int64_t products, int processors) {
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
void launch_direct(const Scope& scope, DirectConv p) {
  const int products = scope.runs * p.s.groups;
  const Choice best = choose<K>(p.s, products, scope.processors);
  p.tile = best.tile;
  p.chunk = best.chunk;
  p.patch = Patch(best.chunk * best.tile.images, best.rows_in, best.pitch, best.plane_pitch, p.s.h, p.s.w, p.s.pad.h);
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

void launch_direct(const Scope& scope, const DirectConv& p) {
  p.s.k.h == 3 ? launch_direct<3>(scope, p) : launch_direct<5>(scope, p);
}

}  // namespace

bool has_direct_conv2d(const ConvShape& s) {
  const bool is_plain = s.stride == 1 && s.dilation == 1 && s.pad.is_square();
  return is_plain && (s.k == 3 || s.k == 5) && s.pad.h < s.k.h && s.w <= 512 && s.out_w() <= 512;
}

void direct_conv2d(const Scope& scope, const ConvShape& s, const ConvOperands& operands, const Fitting& fitting) {
  const Shape32 shape(s, scope.n);
  launch_direct(scope, {.s = shape,
                        .x = operands.x,
                        .w = operands.w,
                        .y = operands.y,
                        .b = operands.b,
                        .filter_stride = shape.taps,
                        .channel_stride = shape.k.size(),
                        .turned = false,
                        .fitting = fitting});
}

void direct_conv2d_backward_data(const Scope& scope, const ConvShape& s, const ConvOperands& operands) {
  const ConvShape back{
      .c = s.o, .h = s.out_h(), .w = s.out_w(), .o = s.c, .k = s.k, .pad = s.k.h - 1 - s.pad.h, .groups = s.groups};
  const Shape32 shape(back, scope.n);
  launch_direct(scope, {.s = shape,
                        .x = operands.y,
                        .w = operands.w,
                        .y = operands.x,
                        .b = {},
                        .filter_stride = shape.k.size(),
                        .channel_stride = shape.filters * shape.k.size(),
                        .turned = true,
                        .fitting = {}});
}

}  // namespace qrun::cuda
