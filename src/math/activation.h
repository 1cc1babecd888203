// Activations beside relu, and their derivatives, of which the output is enough.
//   relu6       min(max(x, 0), 6)            1 where 0 < y < 6, else 0
//   leaky_relu  x > 0 ? x : slope x          1 where y > 0, else slope; slope is not negative
//   sigmoid     1 / (1 + exp(-x))            y (1 - y)
//   tanh        tanh(x)                      1 - y^2
#pragma once

#include <cmath>
#include <cstdint>

#include "core/hd.h"

namespace qrun {

enum class ActivationType : std::uint8_t { kRelu6, kLeakyRelu, kSigmoid, kTanh };

struct Activation {
  ActivationType type = ActivationType::kRelu6;
  float slope = 0;  // of leaky_relu
};

/// Computes in double and rounds once where libraries differ. NaN passes: the loss must see it.
QRUN_HD float activated(const Activation& activation, float x) {
  const auto v = static_cast<double>(x);
  switch (activation.type) {
    case ActivationType::kRelu6: return x <= 0.0f ? 0.0f : x >= 6.0f ? 6.0f : x;
    case ActivationType::kLeakyRelu: return x > 0.0f ? x : activation.slope * x;
    case ActivationType::kSigmoid: return static_cast<float>(1.0 / (1.0 + exp(-v)));
    case ActivationType::kTanh: break;
  }
  return static_cast<float>(tanh(v));
}

QRUN_HD float activation_gradient(const Activation& activation, float y, float dy) {
  switch (activation.type) {
    case ActivationType::kRelu6: return y > 0.0f && y < 6.0f ? dy : 0.0f;
    case ActivationType::kLeakyRelu: return y > 0.0f ? dy : activation.slope * dy;
    case ActivationType::kSigmoid: return dy * (y * (1.0f - y));
    case ActivationType::kTanh: break;
  }
  return dy * (1.0f - y * y);
}

}  // namespace qrun
