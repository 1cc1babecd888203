// src/quant/ternary_quantize.h - ternary weights with a fixed-point scale (T-DLA, Chen et al. 2019).
//   t, delta, alpha as in ternary.h;  fixedpos = floor(log2(alpha)) - (bits - 2)
//   alpha_int = clamp(round(alpha / 2^fixedpos), +-(2^(bits-1) - 1));  code = t
//   value     = alpha_int * 2^fixedpos * t                                alpha = 0: all three are 0
#pragma once
#include "quant/ternary.h"

namespace qrun {
struct TernaryQuantize {
  static constexpr QuantInfo kInfo{
      .name = "ternary_quantize",
      .alias = "Ternary_Quantize",
      .code_bits = 2,
      .needs = Stat::kTernary,
      .stored = {{"delta", &QParams::delta}, {"fixedpos", &QParams::fixedpos}, {"alpha_int", &QParams::alpha_int}}};

  QRUN_HD static QParams fit(const QStats& s, const QuantSettings& settings) {
    QParams p = Ternary::fit(s, settings);
    p.scale = 0.0f;
    if (s.mean_above > 0.0) {
      const auto limit = static_cast<double>((1 << (settings.bits - 1)) - 1);
      p.fixedpos = floor_log2(s.mean_above) - (settings.bits - 2);
      const double steps = floor(ldexp(s.mean_above, -p.fixedpos) + 0.5);  // positive: half away from zero is half up
      p.alpha_int = static_cast<std::int32_t>(steps < limit ? steps : limit);
      p.scale = static_cast<float>(ldexp(static_cast<double>(p.alpha_int), p.fixedpos));
    }
    return p;
  }
  QRUN_HD static std::int32_t code(float x, const QParams& p) { return ternary_code(x, p); }
  QRUN_HD static bool saturates(float /*x*/, const QParams& /*p*/) { return false; }
};
static_assert(Quantizer<TernaryQuantize>);
}  // namespace qrun
