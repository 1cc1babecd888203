// Cross-entropy of a softmax, its gradient, and the class that scores predict. The scores of one image lie `stride`
// apart, x[c stride].
//   loss  = log(sum over c of exp(x[c])) - x[label]
//   dx[c] = (exp(x[c]) / sum over c of exp(x[c]) - (c == label)) / batch
#pragma once

#include <cmath>
#include <cstdint>

#include "core/hd.h"

namespace qrun {

/// The loss of one image, in double, about the largest score so that nothing overflows. Writes dx, as x lies, unless it
/// is nullptr.
QRUN_HD double softmax_loss(const float* x, std::int64_t stride, std::int64_t classes, std::int32_t label, double batch,
                            float* dx) {
  auto largest = static_cast<double>(x[0]);
  for (std::int64_t c = 1; c < classes; ++c) {
    const auto score = static_cast<double>(x[c * stride]);
    largest = largest < score ? score : largest;
  }
  double sum = 0.0;
  for (std::int64_t c = 0; c < classes; ++c) sum += exp(static_cast<double>(x[c * stride]) - largest);
  if (dx != nullptr) {
    for (std::int64_t c = 0; c < classes; ++c) {
      const double probability = exp(static_cast<double>(x[c * stride]) - largest) / sum;
      dx[c * stride] = static_cast<float>((probability - (c == label ? 1.0 : 0.0)) / batch);
    }
  }
  return log(sum) + largest - static_cast<double>(x[label * stride]);
}

/// The class with the largest score, the first of several.
QRUN_HD std::int32_t arg_max(const float* x, std::int64_t stride, std::int64_t classes) {
  std::int64_t best = 0;
  for (std::int64_t c = 1; c < classes; ++c) best = x[c * stride] > x[best * stride] ? c : best;
  return static_cast<std::int32_t>(best);
}

}  // namespace qrun
