// Every op in plain double-precision loops, of float or double inputs: the value, and the magnitude (sum of |terms|)
// that bounds rounding errors.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "plan/ops.h"

namespace qrun::ref {

struct Sum {
  double value = 0;
  double magnitude = 0;
  void add(double term) {
    value += term;
    magnitude += std::fabs(term);
  }
};
using Sums = std::vector<Sum>;
using Floats = std::vector<float>;

inline std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Calls `visit(image, o, c, x index, w index, y index)` for every product of a convolution.
template <class Visit>
void for_products(const ConvShape& s, std::int64_t n, const Visit& visit) {
  const std::int64_t group_in = s.c / s.groups;
  const std::int64_t group_out = s.o / s.groups;
  for (std::int64_t image = 0; image < n; ++image) {
    for (std::int64_t o = 0; o < s.o; ++o) {
      for (std::int64_t oy = 0; oy < s.out_h(); ++oy) {
        for (std::int64_t ox = 0; ox < s.out_w(); ++ox) {
          const std::int64_t y = ((image * s.o + o) * s.out_h() + oy) * s.out_w() + ox;
          for (std::int64_t k = 0; k < group_in * s.k.h * s.k.w; ++k) {
            const std::int64_t c = o / group_out * group_in + k / (s.k.h * s.k.w);
            const std::int64_t iy = oy * s.stride.h - s.pad.h + k / s.k.w % s.k.h * s.dilation.h;
            const std::int64_t ix = ox * s.stride.w - s.pad.w + k % s.k.w * s.dilation.w;
            if (iy < 0 || iy >= s.h || ix < 0 || ix >= s.w) continue;
            visit(((image * s.c + c) * s.h + iy) * s.w + ix, o * group_in * s.k.h * s.k.w + k, y, o);
          }
        }
      }
    }
  }
}

template <class T>
double product(T a, T b) {
  return static_cast<double>(a) * static_cast<double>(b);
}

template <class T>
Sums conv2d(const ConvShape& s, std::int64_t n, const std::vector<T>& x, const std::vector<T>& w,
            const std::vector<T>& bias) {
  Sums y(at(n * s.o * s.out_h() * s.out_w()));
  const std::int64_t plane = s.out_h() * s.out_w();
  for (std::size_t i = 0; i < y.size() && !bias.empty(); ++i)
    y[i].add(static_cast<double>(bias[at(static_cast<std::int64_t>(i) / plane % s.o)]));
  for_products(s, n, [&](std::int64_t xi, std::int64_t wi, std::int64_t yi, std::int64_t) {
    y[at(yi)].add(product(x[at(xi)], w[at(wi)]));
  });
  return y;
}
template <class T>
Sums conv2d_dx(const ConvShape& s, std::int64_t n, const std::vector<T>& w, const std::vector<T>& dy) {
  Sums dx(at(n * s.c * s.h * s.w));
  for_products(s, n, [&](std::int64_t xi, std::int64_t wi, std::int64_t yi, std::int64_t) {
    dx[at(xi)].add(product(dy[at(yi)], w[at(wi)]));
  });
  return dx;
}
template <class T>
Sums conv2d_dw(const ConvShape& s, std::int64_t n, const std::vector<T>& x, const std::vector<T>& dy) {
  Sums dw(at(s.weights()));
  for_products(s, n, [&](std::int64_t xi, std::int64_t wi, std::int64_t yi, std::int64_t) {
    dw[at(wi)].add(product(dy[at(yi)], x[at(xi)]));
  });
  return dw;
}
/// Sum over images and plane of dy [n, o, plane].
template <class T>
Sums bias_gradient(std::int64_t n, std::int64_t o, std::int64_t plane, const std::vector<T>& dy) {
  Sums db(at(o));
  for (std::int64_t i = 0; i < n * o * plane; ++i) db[at(i / plane % o)].add(static_cast<double>(dy[at(i)]));
  return db;
}

/// A linear layer is a convolution of 1 x 1 images.
inline ConvShape as_conv(std::int64_t in, std::int64_t out) {
  return {.c = in, .h = 1, .w = 1, .o = out, .k = 1, .stride = 1, .pad = 0, .groups = 1};
}

/// Calls `visit(plane, window's inputs, output index)`; inputs are indices into x.
template <class Visit>
void for_windows(const PoolShape& s, std::int64_t n, const Visit& visit) {
  for (std::int64_t plane = 0; plane < n * s.c; ++plane) {
    for (std::int64_t oy = 0; oy < s.out_h(); ++oy) {
      for (std::int64_t ox = 0; ox < s.out_w(); ++ox) {
        const std::int64_t top = oy * s.stride.h - s.pad.h;
        const std::int64_t left = ox * s.stride.w - s.pad.w;
        std::vector<std::int64_t> inputs;
        for (std::int64_t iy = top; iy < top + s.k.h; ++iy) {
          for (std::int64_t ix = left; ix < left + s.k.w; ++ix) {
            if (iy >= 0 && iy < s.h && ix >= 0 && ix < s.w) inputs.push_back((plane * s.h + iy) * s.w + ix);
          }
        }
        const std::int64_t bottom = std::min(top + s.k.h, s.h + s.pad.h) - top;
        const std::int64_t right = std::min(left + s.k.w, s.w + s.pad.w) - left;
        visit(inputs, (plane * s.out_h() + oy) * s.out_w() + ox, bottom * right);
      }
    }
  }
}

/// Index of the first maximum of each window.
template <class T>
std::vector<std::int64_t> argmax(const PoolShape& s, std::int64_t n, const std::vector<T>& x) {
  std::vector<std::int64_t> result(at(n * s.c * s.out_h() * s.out_w()));
  for_windows(s, n, [&](const std::vector<std::int64_t>& inputs, std::int64_t y, std::int64_t) {
    std::int64_t best = inputs.front();
    for (const std::int64_t i : inputs) best = x[at(i)] > x[at(best)] ? i : best;
    result[at(y)] = best;
  });
  return result;
}
template <class T>
Sums avg_pool2d(const PoolShape& s, std::int64_t n, bool count_include_pad, const std::vector<T>& x) {
  Sums y(at(n * s.c * s.out_h() * s.out_w()));
  for_windows(s, n, [&](const std::vector<std::int64_t>& inputs, std::int64_t out, std::int64_t padded) {
    const double divisor = static_cast<double>(count_include_pad ? padded : std::ssize(inputs));
    for (const std::int64_t i : inputs) y[at(out)].add(static_cast<double>(x[at(i)]) / divisor);
  });
  return y;
}
template <class T>
Sums avg_pool2d_dx(const PoolShape& s, std::int64_t n, bool count_include_pad, const std::vector<T>& dy) {
  Sums dx(at(n * s.c * s.h * s.w));
  for_windows(s, n, [&](const std::vector<std::int64_t>& inputs, std::int64_t out, std::int64_t padded) {
    const double divisor = static_cast<double>(count_include_pad ? padded : std::ssize(inputs));
    for (const std::int64_t i : inputs) dx[at(i)].add(static_cast<double>(dy[at(out)]) / divisor);
  });
  return dx;
}

inline double activated(const Activation& activation, double x) {
  switch (activation.type) {
    case ActivationType::kRelu6: return std::min(std::max(x, 0.0), 6.0);
    case ActivationType::kLeakyRelu: return x > 0 ? x : static_cast<double>(activation.slope) * x;
    case ActivationType::kSigmoid: return 1.0 / (1.0 + std::exp(-x));
    case ActivationType::kTanh: break;
  }
  return std::tanh(x);
}

/// Moments of a channel over batch and plane, and how it is normalized.
struct Channel {
  double mean = 0, variance = 1, eps = 0;
  [[nodiscard]] double inverse() const { return 1.0 / std::sqrt(variance + eps); }
  /// The value, and the sum of magnitudes that bounds what rounding x and the mean does to it.
  template <class T>
  [[nodiscard]] Sum normalized(T x) const {
    const auto v = static_cast<double>(x);
    return {(v - mean) * inverse(), (std::fabs(v) + std::fabs(mean)) * inverse()};
  }
};

/// Calls `visit(channel, index)` for every value of a batch.
template <class Visit>
void for_channels(const Shape& s, std::int64_t n, const Visit& visit) {
  for (std::int64_t i = 0; i < n * s.size(); ++i) visit(at(i / (s.h * s.w) % s.c), at(i));
}

template <class T>
std::vector<Channel> channels(const Shape& s, std::int64_t n, const std::vector<T>& x, double eps) {
  std::vector<Channel> all(at(s.c), {.mean = 0, .variance = 0, .eps = eps});
  const auto values = static_cast<double>(n * s.h * s.w);
  for_channels(s, n, [&](std::size_t c, std::size_t i) { all[c].mean += static_cast<double>(x[i]) / values; });
  for_channels(s, n, [&](std::size_t c, std::size_t i) {
    const double moved = static_cast<double>(x[i]) - all[c].mean;
    all[c].variance += moved * moved / values;
  });
  return all;
}

/// `weight` and `bias` may be empty: 1 and 0.
template <class T>
Sums batch_norm(const Shape& s, std::int64_t n, const std::vector<T>& x, const std::vector<Channel>& channels,
                const std::vector<T>& weight, const std::vector<T>& bias) {
  Sums y(x.size());
  for_channels(s, n, [&](std::size_t c, std::size_t i) {
    const Sum of = channels[c].normalized(x[i]);
    const double w = weight.empty() ? 1.0 : static_cast<double>(weight[c]);
    y[i] = {of.value * w, of.magnitude * std::fabs(w)};
    if (!bias.empty()) y[i].add(static_cast<double>(bias[c]));
  });
  return y;
}

/// Sums of dy and of dy times the normalized x, of each channel.
struct NormSums {
  Sums dy, dy_x;
};
template <class T>
NormSums batch_norm_sums(const Shape& s, std::int64_t n, const std::vector<T>& x, const std::vector<T>& dy,
                         const std::vector<Channel>& channels) {
  NormSums sums{Sums(at(s.c)), Sums(at(s.c))};
  for_channels(s, n, [&](std::size_t c, std::size_t i) {
    const auto gradient = static_cast<double>(dy[i]);
    const Sum of = channels[c].normalized(x[i]);
    sums.dy[c].add(gradient);
    sums.dy_x[c].value += gradient * of.value;
    sums.dy_x[c].magnitude += std::fabs(gradient) * of.magnitude;
  });
  return sums;
}

/// Mean loss over the batch; `dx` [n, classes] receives its gradient. `smoothing` is the part of a target that all
/// classes share.
template <class T>
double softmax_cross_entropy(const std::vector<T>& x, const std::vector<std::int32_t>& labels, std::int64_t classes,
                             double smoothing, std::vector<double>& dx) {
  const auto n = std::ssize(labels);
  double loss = 0;
  dx.assign(x.size(), 0);
  for (std::int64_t i = 0; i < n; ++i) {
    double sum = 0;
    for (std::int64_t c = 0; c < classes; ++c) sum += std::exp(static_cast<double>(x[at(i * classes + c)]));
    for (std::int64_t c = 0; c < classes; ++c) {
      const double p = std::exp(static_cast<double>(x[at(i * classes + c)])) / sum;
      const double target = (c == labels[at(i)] ? 1.0 - smoothing : 0.0) + smoothing / static_cast<double>(classes);
      dx[at(i * classes + c)] = (p - target) / static_cast<double>(n);
      if (target > 0) loss -= target * std::log(p) / static_cast<double>(n);
    }
  }
  return loss;
}

}  // namespace qrun::ref
