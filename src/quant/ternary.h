// src/quant/ternary.h - ternary weights (Li et al. 2016, "Ternary weight networks").
//   delta = 0.7 * mean(|x|);  t = (x > delta) - (x < -delta);  alpha = sum(t x) / sum(|t|), 0 if every t is 0
//   code  = t
//   value = alpha * t
#pragma once
#include "quant/quantizer.h"

namespace qrun {

/// The largest float not above `v` >= 0: for a float x, x > v and x > floor_to_float(v) are the same.
QRUN_HD float floor_to_float(double v) {
  const auto rounded = static_cast<float>(v);
  return static_cast<double>(rounded) > v ? nextafterf(rounded, 0.0f) : rounded;
}

QRUN_HD std::int32_t ternary_code(float x, const QParams& p) {
  return (x > p.threshold ? 1 : 0) - (x < -p.threshold ? 1 : 0);
}

struct Ternary {
  static constexpr QuantInfo kInfo{.name = "ternary",
                                   .max_bits = 2,
                                   .fixed_bits = 2,
                                   .code_bits = 2,
                                   .needs = Stat::kTernary,
                                   .stored = {{"delta", &QParams::delta}}};

  QRUN_HD static QParams fit(const QStats& s, const QuantSettings& /*settings*/) {
    QParams p;
    p.scale = static_cast<float>(s.mean_above);
    p.low = -1.0f;
    p.high = 1.0f;
    p.threshold = floor_to_float(s.delta);
    p.alpha = s.mean_above;
    p.delta = s.delta;
    return p;
  }
  QRUN_HD static std::int32_t code(float x, const QParams& p) { return ternary_code(x, p); }
  QRUN_HD static bool saturates(float /*x*/, const QParams& /*p*/) { return false; }  // a sign is never clamped
};
static_assert(Quantizer<Ternary>);
}  // namespace qrun
