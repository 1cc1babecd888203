// src/quant/dynamic_fixed_point.h - uniform with a power-of-two step (the original system's "Quantize").
//   fixedpos = floor(log2(max|x|)) - (bits - 2), 0 if x is all zero
//   code     = clamp(round(x / 2^fixedpos), +-(2^(bits-1) - 1))
//   value    = 2^fixedpos * code
#pragma once
#include "quant/uniform.h"

namespace qrun {
struct DynamicFixedPoint {
  static constexpr QuantInfo kInfo{
      .name = "dynamic_fixed_point", .alias = "Quantize", .stored = {{"fixedpos", &QParams::fixedpos}}};

  QRUN_HD static QParams fit(const QStats& s, const QuantSettings& settings) {
    const std::int32_t fixedpos = s.max_abs > 0.0 ? floor_log2(s.max_abs) - (settings.bits - 2) : 0;
    QParams p = uniform_params(ldexp(1.0, fixedpos), settings.bits);
    p.fixedpos = fixedpos;
    return p;
  }
  QRUN_HD static std::int32_t code(float x, const QParams& p) { return uniform_code(x, p); }
  QRUN_HD static bool saturates(float x, const QParams& p) { return uniform_saturates(x, p); }
};
static_assert(Quantizer<DynamicFixedPoint>);
}  // namespace qrun
