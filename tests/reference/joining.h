// Ops of several inputs in plain double-precision loops.
#pragma once

#include "reference/reference.h"

namespace qrun::ref {

/// Weighted sum of tensors of one size.
template <class T>
Sums add(const std::vector<std::vector<T>>& x, const Floats& coefficients) {
  Sums y(x[0].size());
  for (std::size_t input = 0; input < x.size(); ++input) {
    for (std::size_t i = 0; i < y.size(); ++i) y[i].add(product<double>(coefficients[input], x[input][i]));
  }
  return y;
}

/// Product of all tensors but number `without`.
template <class T>
Sums multiply(const std::vector<std::vector<T>>& x, std::size_t without) {
  Sums y(x[0].size(), {1, 1});
  for (std::size_t input = 0; input < x.size(); ++input) {
    for (std::size_t i = 0; i < y.size() && input != without; ++i) {
      y[i].value *= static_cast<double>(x[input][i]);
      y[i].magnitude = std::fabs(y[i].value);
    }
  }
  return y;
}

/// The input that a maximum takes its value and its gradient from, as Caffe's Eltwise does: it compares the first two,
/// of which the second needs only be as large, then each further one with what it has.
template <class T>
std::vector<std::size_t> largest(const std::vector<std::vector<T>>& x) {
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < x[0].size(); ++i) {
    std::size_t best = x[0][i] > x[1][i] ? 0 : 1;
    for (std::size_t input = 2; input < x.size(); ++input) best = x[input][i] > x[best][i] ? input : best;
    result.push_back(best);
  }
  return result;
}

/// Inputs behind each other in each image; `sizes` are those of one image.
template <class T>
std::vector<T> concat(const std::vector<std::vector<T>>& x, const std::vector<std::int64_t>& sizes, std::int64_t n) {
  std::vector<T> y;
  for (std::int64_t image = 0; image < n; ++image) {
    for (std::size_t input = 0; input < x.size(); ++input) {
      const auto begin = x[input].begin() + image * sizes[input];
      y.insert(y.end(), begin, begin + sizes[input]);
    }
  }
  return y;
}

}  // namespace qrun::ref
