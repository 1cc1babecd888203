// Softmax; its cross-entropy, the gradient of that, and the class that scores predict. The scores of one image lie `stride`
// apart, x[c stride].
//   loss  = log(sum over c of exp(x[c])) - x[label]
//   dx[c] = (exp(x[c]) / sum over c of exp(x[c]) - (c == label)) / batch
#pragma once

#include <cmath>
#include <cstdint>

#include "core/hd.h"

namespace qrun {

/// Returns the score about which exponentials are taken, so that nothing overflows.
QRUN_HD double largest_score(const float* x, std::int64_t stride, std::int64_t classes) {
  auto largest = static_cast<double>(x[0]);
  for (std::int64_t c = 1; c < classes; ++c) {
    const auto score = static_cast<double>(x[c * stride]);
    largest = largest < score ? score : largest;
  }
  return largest;
}

/// dx of a class. `sum`: of exp(x - largest) over all classes.
QRUN_HD float softmax_gradient(double x, double largest, double sum, bool is_label, double batch) {
  return static_cast<float>((exp(x - largest) / sum - (is_label ? 1.0 : 0.0)) / batch);
}

/// The loss of one image, from its label's score.
QRUN_HD double cross_entropy(double label_score, double largest, double sum) {
  return log(sum) + largest - label_score;
}

/// The loss of one image, in double. Writes dx, as x lies, unless it is nullptr.
QRUN_HD double softmax_loss(const float* x, std::int64_t stride, std::int64_t classes, std::int32_t label, double batch,
                            float* dx) {
  const double largest = largest_score(x, stride, classes);
  double sum = 0.0;
  for (std::int64_t c = 0; c < classes; ++c) sum += exp(static_cast<double>(x[c * stride]) - largest);
  if (dx != nullptr) {
    for (std::int64_t c = 0; c < classes; ++c)
      dx[c * stride] = softmax_gradient(static_cast<double>(x[c * stride]), largest, sum, c == label, batch);
  }
  return cross_entropy(static_cast<double>(x[label * stride]), largest, sum);
}

/// Writes exp(x) of each class, parted by their sum, as x lies.
QRUN_HD void softmax(const float* x, std::int64_t stride, std::int64_t classes, float* y) {
  const double largest = largest_score(x, stride, classes);
  double sum = 0.0;
  for (std::int64_t c = 0; c < classes; ++c) sum += exp(static_cast<double>(x[c * stride]) - largest);
  for (std::int64_t c = 0; c < classes; ++c)
    y[c * stride] = static_cast<float>(exp(static_cast<double>(x[c * stride]) - largest) / sum);
}

/// Writes dx[c] = y[c] (dy[c] - sum over k of dy[k] y[k]), in double.
QRUN_HD void softmax_backward(const float* y, const float* dy, std::int64_t stride, std::int64_t classes, float* dx) {
  double sum = 0.0;
  for (std::int64_t c = 0; c < classes; ++c)
    sum += static_cast<double>(dy[c * stride]) * static_cast<double>(y[c * stride]);
  for (std::int64_t c = 0; c < classes; ++c)
    dx[c * stride] =
        static_cast<float>(static_cast<double>(y[c * stride]) * (static_cast<double>(dy[c * stride]) - sum));
}

/// The class with the largest score, the first of several.
QRUN_HD std::int32_t arg_max(const float* x, std::int64_t stride, std::int64_t classes) {
  std::int64_t best = 0;
  for (std::int64_t c = 1; c < classes; ++c) best = x[c * stride] > x[best * stride] ? c : best;
  return static_cast<std::int32_t>(best);
}

}  // namespace qrun
