// Softmax; its cross-entropy, the gradient of that, and the class that scores predict. The scores of one image lie `stride`
// apart, x[c stride].
//   loss   = log(sum over c of exp(x[c])) - sum over c of t[c] x[c]
//   dx[c]  = (exp(x[c]) / sum over c of exp(x[c]) - t[c]) / batch
//   target t[c] = (1 - e) (c == label) + e / classes; e smooths labels (Szegedy et al. 2016), and is 0 mostly
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

/// What the softmax of a class should be. `smoothing` is in [0, 1).
QRUN_HD double target_of(bool is_label, double smoothing, std::int64_t classes) {
  return (is_label ? 1.0 - smoothing : 0.0) + smoothing / static_cast<double>(classes);
}

/// dx of a class. `sum`: of exp(x - largest) over all classes.
QRUN_HD float softmax_gradient(double x, double largest, double sum, double target, double batch) {
  return static_cast<float>((exp(x - largest) / sum - target) / batch);
}

/// The scores times their targets, summed. Where nothing is smoothed, scores of other classes are not looked at.
QRUN_HD double target_score(const float* x, std::int64_t stride, std::int64_t classes, std::int32_t label,
                            double smoothing) {
  const auto own = static_cast<double>(x[label * stride]);
  if (smoothing == 0.0) return own;
  double sum = 0.0;
  for (std::int64_t c = 0; c < classes; ++c) sum += static_cast<double>(x[c * stride]);
  return (1.0 - smoothing) * own + smoothing / static_cast<double>(classes) * sum;
}

/// The loss of one image, from its target_score().
QRUN_HD double cross_entropy(double score, double largest, double sum) { return log(sum) + largest - score; }

/// The loss of one image, in double. Writes dx, as x lies, unless it is nullptr.
QRUN_HD double softmax_loss(const float* x, std::int64_t stride, std::int64_t classes, std::int32_t label,
                            double smoothing, double batch, float* dx) {
  const double largest = largest_score(x, stride, classes);
  double sum = 0.0;
  for (std::int64_t c = 0; c < classes; ++c) sum += exp(static_cast<double>(x[c * stride]) - largest);
  if (dx != nullptr) {
    for (std::int64_t c = 0; c < classes; ++c)
      dx[c * stride] = softmax_gradient(static_cast<double>(x[c * stride]), largest, sum,
                                        target_of(c == label, smoothing, classes), batch);
  }
  return cross_entropy(target_score(x, stride, classes, label, smoothing), largest, sum);
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

/// How many classes beat the label: by a greater score, or an equal one and a lower index.
QRUN_HD std::int32_t label_rank(const float* x, std::int64_t stride, std::int64_t classes, std::int32_t label) {
  const float own = x[label * stride];
  std::int32_t rank = 0;
  for (std::int64_t c = 0; c < classes; ++c) rank += x[c * stride] > own || (x[c * stride] == own && c < label) ? 1 : 0;
  return rank;
}

}  // namespace qrun
