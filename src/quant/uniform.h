// src/quant/uniform.h - symmetric uniform codes, shared by clip and dynamic_fixed_point.
//   code = clamp(round(x / scale), -h, h),  h = 2^(bits-1) - 1
#pragma once
#include "quant/quantizer.h"

namespace qrun {

/// Parameters of a symmetric uniform quantizer of `bits` with this step (> 0).
QRUN_HD QParams uniform_params(double step, int bits) {
  QParams p;
  step = normal_step(step);
  p.scale = static_cast<float>(step);
  p.inverse = static_cast<float>(1.0 / step);
  p.high = static_cast<float>((1 << (bits - 1)) - 1);
  p.low = -p.high;
  p.alpha = step;
  return p;
}

/// Steps are clamped before they are rounded: converting a float out of range is undefined.
QRUN_HD std::int32_t uniform_code(float x, const QParams& p) {
  return round_half_away(clamp_steps(x * p.inverse, p.low, p.high));
}

QRUN_HD bool uniform_saturates(float x, const QParams& p) { return rounds_outside(x * p.inverse, p.low, p.high); }

}  // namespace qrun
