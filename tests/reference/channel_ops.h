// Ops that scale channels or sum over them, in plain double-precision loops.
#pragma once

#include "math/channel_scale.h"
#include "math/lrn.h"
#include "reference/reference.h"

namespace qrun::ref {

/// `bias` may be empty: 0. One weight of all channels is that of a shape of one.
template <class T>
Sums channel_scale(const Shape& s, std::int64_t n, Scaled scaled, const std::vector<T>& x, const std::vector<T>& weight,
                   const std::vector<T>& bias) {
  Sums y(x.size());
  for_channels(s, n, [&](std::size_t c, std::size_t i) {
    const bool passes = scaled == Scaled::kNegative && x[i] > 0;
    y[i].add(passes ? static_cast<double>(x[i]) : product(weight[c], x[i]));
    if (!bias.empty()) y[i].add(static_cast<double>(bias[c]));
  });
  return y;
}

/// Gradients of the input, and of weight and bias.
struct ScaleGradients {
  Sums dx, dw, db;
};
template <class T>
ScaleGradients channel_scale_gradients(const Shape& s, std::int64_t n, Scaled scaled, const std::vector<T>& x,
                                       const std::vector<T>& weight, const std::vector<T>& dy) {
  ScaleGradients gradients{Sums(x.size()), Sums(at(s.c)), Sums(at(s.c))};
  for_channels(s, n, [&](std::size_t c, std::size_t i) {
    const bool passes = scaled == Scaled::kNegative && x[i] > 0;
    gradients.dx[i].add(passes ? static_cast<double>(dy[i]) : product(weight[c], dy[i]));
    if (!passes) gradients.dw[c].add(product(dy[i], x[i]));
    gradients.db[c].add(static_cast<double>(dy[i]));
  });
  return gradients;
}

/// Calls `visit(indices of the channels)` for each pixel of a batch.
template <class Visit>
void for_pixels(const Shape& s, std::int64_t n, const Visit& visit) {
  const std::int64_t plane = s.h * s.w;
  for (std::int64_t pixel = 0; pixel < n * plane; ++pixel) {
    std::vector<std::size_t> channels;
    for (std::int64_t c = 0; c < s.c; ++c) channels.push_back(at((pixel / plane * s.c + c) * plane + pixel % plane));
    visit(channels);
  }
}

template <class T>
std::vector<double> softmax(const Shape& s, std::int64_t n, const std::vector<T>& x) {
  std::vector<double> y(x.size());
  for_pixels(s, n, [&](const std::vector<std::size_t>& channels) {
    double sum = 0;
    double largest = -HUGE_VAL;
    for (const std::size_t i : channels) largest = std::max(largest, static_cast<double>(x[i]));
    for (const std::size_t i : channels) sum += std::exp(static_cast<double>(x[i]) - largest);
    for (const std::size_t i : channels) y[i] = std::exp(static_cast<double>(x[i]) - largest) / sum;
  });
  return y;
}

/// Of the y that an engine has.
template <class T>
Sums softmax_dx(const Shape& s, std::int64_t n, const std::vector<T>& y, const std::vector<T>& dy) {
  Sums dx(y.size());
  for_pixels(s, n, [&](const std::vector<std::size_t>& channels) {
    Sum sum;
    for (const std::size_t i : channels) sum.add(product(dy[i], y[i]));
    for (const std::size_t i : channels) {
      const auto probability = static_cast<double>(y[i]);
      dx[i].value = probability * (static_cast<double>(dy[i]) - sum.value);
      dx[i].magnitude = probability * (std::fabs(static_cast<double>(dy[i])) + sum.magnitude);
    }
  });
  return dx;
}

/// Calls `visit(index, indices of its neighbours)` for each value of a batch.
template <class Visit>
void for_neighbours(const Shape& s, std::int64_t n, const Lrn& lrn, const Visit& visit) {
  const std::int64_t over_channels = lrn.within ? 0 : lrn.size / 2;
  const std::int64_t over_pixels = lrn.within ? lrn.size / 2 : 0;
  std::vector<std::size_t> neighbours;
  for (std::int64_t i = 0; i < n * s.size(); ++i) {
    const std::int64_t x = i % s.w;
    const std::int64_t y = i / s.w % s.h;
    const std::int64_t c = i / s.w / s.h % s.c;
    neighbours.clear();
    for (std::int64_t dc = -over_channels; dc <= over_channels; ++dc) {
      for (std::int64_t dy = -over_pixels; dy <= over_pixels; ++dy) {
        for (std::int64_t dx = -over_pixels; dx <= over_pixels; ++dx) {
          const bool inside = c + dc >= 0 && c + dc < s.c && y + dy >= 0 && y + dy < s.h && x + dx >= 0 && x + dx < s.w;
          if (inside) neighbours.push_back(at(i + (dc * s.h + dy) * s.w + dx));
        }
      }
    }
    visit(at(i), neighbours);
  }
}

template <class T>
std::vector<double> lrn_scales(const Shape& s, std::int64_t n, const Lrn& lrn, const std::vector<T>& x) {
  std::vector<double> scales(x.size(), lrn.k);
  for_neighbours(s, n, lrn, [&](std::size_t i, const std::vector<std::size_t>& neighbours) {
    for (const std::size_t j : neighbours) scales[i] += lrn.factor * product(x[j], x[j]);
  });
  return scales;
}

template <class T>
std::vector<double> lrn(const Lrn& lrn, const std::vector<T>& x, const std::vector<double>& scales) {
  std::vector<double> y;
  for (std::size_t i = 0; i < x.size(); ++i) y.push_back(static_cast<double>(x[i]) * std::pow(scales[i], -lrn.beta));
  return y;
}

template <class T>
Sums lrn_dx(const Shape& s, std::int64_t n, const Lrn& lrn, const std::vector<T>& x, const std::vector<T>& dy) {
  const std::vector<double> scales = lrn_scales(s, n, lrn, x);
  Sums dx(x.size());
  for_neighbours(s, n, lrn, [&](std::size_t i, const std::vector<std::size_t>& neighbours) {
    dx[i].add(static_cast<double>(dy[i]) * std::pow(scales[i], -lrn.beta));
    for (const std::size_t j : neighbours) {
      const double of = product(dy[j], x[j]) * std::pow(scales[j], -lrn.beta - 1.0);
      dx[i].add(-2.0 * lrn.factor * lrn.beta * static_cast<double>(x[i]) * of);
    }
  });
  return dx;
}

}  // namespace qrun::ref
