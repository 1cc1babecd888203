// Local response normalization of one channel of 16 images. Loops are plain, and the compiler vectorises them for each
// instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/kernels/lrn.cpp"
#include <hwy/foreach_target.h>  // must come first
#include <hwy/highway.h>

#include "cpu/kernels/kernel_files.h"

HWY_BEFORE_NAMESPACE();
namespace qrun::cpu::HWY_NAMESPACE {
namespace {  // the kernel files share this namespace

/// Adds up `term(value)` of the neighbours of a pixel, each lane for itself; values count [c][h][w][16] floats.
template <class Term>
HWY_INLINE void sum_neighbours(const LrnPlanes& job, std::int64_t row, std::int64_t column, double (&sum)[kLanes],
                               const Term& term) {
  const std::int64_t over_channels = reach_over_channels(job.lrn);
  const std::int64_t over_pixels = reach_over_pixels(job.lrn);
  for (double& of_lane : sum) of_lane = 0.0;
  const std::int64_t channels_end = neighbours_end(job.channel, over_channels, job.channels);
  for (std::int64_t c = first_neighbour(job.channel, over_channels); c < channels_end; ++c) {
    const std::int64_t rows_end = neighbours_end(row, over_pixels, job.rows);
    for (std::int64_t iy = first_neighbour(row, over_pixels); iy < rows_end; ++iy) {
      const std::int64_t columns_end = neighbours_end(column, over_pixels, job.columns);
      for (std::int64_t ix = first_neighbour(column, over_pixels); ix < columns_end; ++ix) {
        const std::int64_t at = ((c * job.rows + iy) * job.columns + ix) * kLanes;
        for (std::int64_t l = 0; l < kLanes; ++l) sum[l] += term(at + l);
      }
    }
  }
}

/// Calls `body(row, column, value)` for each pixel of the channel.
template <class Body>
HWY_INLINE void for_pixels(const LrnPlanes& job, const Body& body) {
  for (std::int64_t row = 0; row < job.rows; ++row) {
    for (std::int64_t column = 0; column < job.columns; ++column)
      body(row, column, ((job.channel * job.rows + row) * job.columns + column) * kLanes);
  }
}

void lrn(const LrnJob& job) {
  const Lrn of = job.lrn;
  const float* HWY_RESTRICT x = job.x;
  float* HWY_RESTRICT scale = job.scale;
  float* HWY_RESTRICT y = job.y;
  for_pixels(job, [&](std::int64_t row, std::int64_t column, std::int64_t at) HWY_ATTR {
    double sum[kLanes];
    sum_neighbours(job, row, column, sum, [x](std::int64_t i) HWY_ATTR { return squared(x[i]); });
    for (std::int64_t l = 0; l < kLanes; ++l) scale[at + l] = lrn_scale(of, sum[l]);
    for (std::int64_t l = 0; l < kLanes; ++l) y[at + l] = lrn_value(of, x[at + l], scale[at + l]);
  });
}

void lrn_backward(const LrnBackwardJob& job) {
  const Lrn of = job.lrn;
  const float* HWY_RESTRICT x = job.x;
  const float* HWY_RESTRICT y = job.y;
  const float* HWY_RESTRICT scale = job.scale;
  const float* HWY_RESTRICT dy = job.dy;
  float* HWY_RESTRICT dx = job.dx;
  for_pixels(job, [&](std::int64_t row, std::int64_t column, std::int64_t at) HWY_ATTR {
    double sum[kLanes];
    sum_neighbours(job, row, column, sum, [=](std::int64_t i) HWY_ATTR { return lrn_ratio(dy[i], y[i], scale[i]); });
    for (std::int64_t l = 0; l < kLanes; ++l)
      dx[at + l] = lrn_gradient(of, x[at + l], dy[at + l], scale[at + l], sum[l]);
  });
}

}  // namespace

void fill_lrn(Kernels& kernels) {
  kernels.lrn = &lrn;
  kernels.lrn_backward = &lrn_backward;
}

}  // namespace qrun::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace qrun::cpu {
HWY_EXPORT(fill_lrn);
void fill_lrn_kernels(Kernels& kernels) { HWY_DYNAMIC_DISPATCH(fill_lrn)(kernels); }
}  // namespace qrun::cpu
#endif
