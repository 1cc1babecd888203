// Batch norm of one channel. Loops are plain, and the compiler vectorises them for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/kernels/batch_norm.cpp"
#include <hwy/foreach_target.h>  // must come first
#include <hwy/highway.h>

#include "cpu/kernels/kernel_files.h"

HWY_BEFORE_NAMESPACE();
namespace qrun::cpu::HWY_NAMESPACE {
namespace {  // the kernel files share this namespace

void batch_norm(const float* HWY_RESTRICT x, const ChannelMoments& moments, float weight, float bias,
                float* HWY_RESTRICT y, std::int64_t n) {
  const ChannelMoments m = moments;
  for (std::int64_t i = 0; i < n; ++i) y[i] = qrun::batch_norm(x[i], m, weight, bias);
}

/// Sums run in 16 double lanes, added up in order.
Sums batch_norm_sums(const float* HWY_RESTRICT x, const float* HWY_RESTRICT dy, const ChannelMoments& moments,
                     std::int64_t n, std::int64_t valid) {
  const ChannelMoments m = moments;
  double sum[kLanes] = {};
  double other[kLanes] = {};
  for (std::int64_t i = 0; i < n; i += kLanes) {
    for (std::int64_t l = 0; l < kLanes; ++l) {
      const auto gradient = static_cast<double>(dy[i + l]);
      sum[l] += gradient;
      other[l] += gradient * static_cast<double>(normalized(x[i + l], m));
    }
  }
  Sums result;
  for (std::int64_t l = 0; l < valid; ++l) {
    result.sum += sum[l];
    result.other += other[l];
  }
  return result;
}

void batch_norm_gradient(const float* HWY_RESTRICT x, const float* HWY_RESTRICT dy, const ChannelMoments& moments,
                         float weight, const GradientMeans& means, float* HWY_RESTRICT dx, std::int64_t n) {
  const ChannelMoments m = moments;
  const GradientMeans of = means;
  for (std::int64_t i = 0; i < n; ++i) dx[i] = qrun::batch_norm_gradient(x[i], dy[i], m, weight, of);
}

}  // namespace

void fill_batch_norm(Kernels& kernels) {
  kernels.batch_norm = &batch_norm;
  kernels.batch_norm_sums = &batch_norm_sums;
  kernels.batch_norm_gradient = &batch_norm_gradient;
}

}  // namespace qrun::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace qrun::cpu {
HWY_EXPORT(fill_batch_norm);
void fill_batch_norm_kernels(Kernels& kernels) { HWY_DYNAMIC_DISPATCH(fill_batch_norm)(kernels); }
}  // namespace qrun::cpu
#endif
