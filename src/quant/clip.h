// src/quant/clip.h - symmetric uniform, scaled by the largest magnitude or by a given range.
//   alpha = range / h,  h = 2^(bits-1) - 1        range = 0: alpha = 1
//   code  = clamp(round(x / alpha), -h, h)
//   value = alpha * code
#pragma once
#include "quant/uniform.h"

namespace qrun {
struct Clip {
  static constexpr QuantInfo kInfo{.name = "clip", .alias = "Clip", .has_range = true};

  QRUN_HD static QParams fit(const QStats& s, const QuantSettings& settings) {
    const auto limit = static_cast<double>((1 << (settings.bits - 1)) - 1);
    return uniform_params(s.max_abs > 0.0 ? s.max_abs / limit : 1.0, settings.bits);
  }
  QRUN_HD static std::int32_t code(float x, const QParams& p) { return uniform_code(x, p); }
  QRUN_HD static bool saturates(float x, const QParams& p) { return uniform_saturates(x, p); }
};
static_assert(Quantizer<Clip>);
}  // namespace qrun
