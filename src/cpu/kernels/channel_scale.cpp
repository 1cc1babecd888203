// Scaling of one channel. Loops are plain, and the compiler vectorises them for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/kernels/channel_scale.cpp"
#include <hwy/foreach_target.h>  // must come first
#include <hwy/highway.h>

#include "cpu/kernels/kernel_files.h"

HWY_BEFORE_NAMESPACE();
namespace qrun::cpu::HWY_NAMESPACE {
namespace {  // the kernel files share this namespace

void channel_scale(Scaled which, const float* HWY_RESTRICT x, float weight, float bias, float* HWY_RESTRICT y,
                   std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = channel_scaled(which, x[i], weight, bias);
}

/// Sums run in 16 double lanes, added up in order.
Sums channel_scale_sums(Scaled which, const float* HWY_RESTRICT x, const float* HWY_RESTRICT dy, std::int64_t n,
                        std::int64_t valid) {
  double sum[kLanes] = {};
  double other[kLanes] = {};
  for (std::int64_t i = 0; i < n; i += kLanes) {
    for (std::int64_t l = 0; l < kLanes; ++l) {
      sum[l] += static_cast<double>(dy[i + l]);
      other[l] += channel_scale_weight_gradient(which, x[i + l], dy[i + l]);
    }
  }
  Sums result;
  for (std::int64_t l = 0; l < valid; ++l) {
    result.sum += sum[l];
    result.other += other[l];
  }
  return result;
}

void channel_scale_gradient(Scaled which, const float* HWY_RESTRICT x, const float* HWY_RESTRICT dy, float weight,
                            float* HWY_RESTRICT dx, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) dx[i] = qrun::channel_scale_gradient(which, x[i], dy[i], weight);
}

}  // namespace

void fill_channel_scale(Kernels& kernels) {
  kernels.channel_scale = &channel_scale;
  kernels.channel_scale_sums = &channel_scale_sums;
  kernels.channel_scale_gradient = &channel_scale_gradient;
}

}  // namespace qrun::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace qrun::cpu {
HWY_EXPORT(fill_channel_scale);
void fill_channel_scale_kernels(Kernels& kernels) { HWY_DYNAMIC_DISPATCH(fill_channel_scale)(kernels); }
}  // namespace qrun::cpu
#endif
