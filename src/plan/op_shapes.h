// Shapes of convolutions and poolings, for one image.
#pragma once

#include <cstdint>

#include "core/shape.h"
#include "math/conv.h"
#include "math/pool.h"

namespace qrun {

/// A convolution; filters are [o, c / groups, k.h, k.w].
struct ConvShape {
  std::int64_t c = 0, h = 0, w = 0;  // input
  std::int64_t o = 0;
  Sides k{}, stride{1}, pad{};
  std::int64_t groups = 1;
  Sides dilation{1};

  [[nodiscard]] ConvSide<std::int64_t> rows() const { return {h, k.h, stride.h, pad.h, dilation.h}; }
  [[nodiscard]] ConvSide<std::int64_t> columns() const { return {w, k.w, stride.w, pad.w, dilation.w}; }
  [[nodiscard]] std::int64_t out_h() const { return outputs_of(rows()); }
  [[nodiscard]] std::int64_t out_w() const { return outputs_of(columns()); }
  [[nodiscard]] std::int64_t taps() const { return times(c / groups, k.size()); }  // values of a filter
  [[nodiscard]] std::int64_t weights() const { return times(o, taps()); }
  [[nodiscard]] bool is_depthwise() const { return groups == c && groups > 1; }
  bool operator==(const ConvShape&) const = default;
};

/// Returns the convolution of one pixel that a matrix product is.
[[nodiscard]] inline ConvShape as_conv(std::int64_t in, std::int64_t out) {
  return {.c = in, .h = 1, .w = 1, .o = out, .k = 1};
}

/// Pooling windows over each channel; positions outside the image do not take part.
struct PoolShape {
  std::int64_t c = 0, h = 0, w = 0;
  Sides k{}, stride{1}, pad{};
  bool ceil_mode = false;

  [[nodiscard]] PoolSide<std::int64_t> rows() const { return {h, k.h, stride.h, pad.h}; }
  [[nodiscard]] PoolSide<std::int64_t> columns() const { return {w, k.w, stride.w, pad.w}; }
  [[nodiscard]] std::int64_t out_h() const { return outputs_of(rows(), ceil_mode); }
  [[nodiscard]] std::int64_t out_w() const { return outputs_of(columns(), ceil_mode); }
  bool operator==(const PoolShape&) const = default;
};

}  // namespace qrun
