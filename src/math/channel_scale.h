// A weight a channel.
//   scale  y = w x + b              dx = w dy                    dw = sum of dy x                    db = sum of dy
//   prelu  y = x > 0 ? x : w x      dx = x > 0 ? dy : w dy       dw = sum of dy x where x <= 0       (He et al. 2015)
#pragma once

#include <cstdint>

#include "core/hd.h"

namespace qrun {

/// Which values a weight scales.
enum class Scaled : std::uint8_t { kAll, kNegative };

/// True where x passes as it is.
QRUN_HD bool passes_unscaled(Scaled which, float x) { return which == Scaled::kNegative && x > 0.0f; }

/// Returns y. Without a bias `bias` is 0.
QRUN_HD float channel_scaled(Scaled which, float x, float weight, float bias) {
  return passes_unscaled(which, x) ? x : weight * x + bias;
}

/// Returns dx.
QRUN_HD float channel_scale_gradient(Scaled which, float x, float dy, float weight) {
  return passes_unscaled(which, x) ? dy : weight * dy;
}

/// Returns what a value adds to dw.
QRUN_HD double channel_scale_weight_gradient(Scaled which, float x, float dy) {
  return passes_unscaled(which, x) ? 0.0 : static_cast<double>(dy) * static_cast<double>(x);
}

}  // namespace qrun
