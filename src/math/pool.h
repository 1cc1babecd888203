// Windows of pooling, along one side of an image at a time: window `out` covers k positions from out stride - pad on.
// Int is the integer that the caller's indices have.
#pragma once

#include "core/hd.h"
#include "math/span.h"

namespace qrun {

/// One side of an image, and the windows along it.
template <class Int>
struct PoolSide {
  Int size, k, stride, pad;
};

/// How many windows there are; the padded side is no shorter than one. `ceil_mode` adds a shorter one for what is left of
/// the side, unless it would begin at the side's end or past it, where its left border counts as part of it (PyTorch's
/// rule, whatever the padding).
template <class Int>
QRUN_HD Int outputs_of(const PoolSide<Int>& side, bool ceil_mode) {
  const Int span = side.size + 2 * side.pad - side.k;
  if (!ceil_mode) return span / side.stride + 1;
  const Int outputs = (span + side.stride - 1) / side.stride + 1;
  return (outputs - 1) * side.stride >= side.size + side.pad ? outputs - 1 : outputs;
}

/// The positions of a window that lie inside the image: these take part.
template <class Int>
QRUN_HD Span<Int> window_of(const PoolSide<Int>& side, Int out) {
  const Int begin = out * side.stride - side.pad;
  return {begin > 0 ? begin : 0, begin + side.k < side.size ? begin + side.k : side.size};
}

/// How many positions of a window lie inside the image and its border.
template <class Int>
QRUN_HD Int padded_length(const PoolSide<Int>& side, Int out) {
  const Int begin = out * side.stride - side.pad;
  const Int border = side.size + side.pad;
  return (begin + side.k < border ? begin + side.k : border) - begin;
}

/// What a mean divides the sum of window (oy, ox) by: its positions inside the image, with `count_include_pad` those
/// inside the border, too.
template <class Int>
QRUN_HD float window_divisor(const PoolSide<Int>& rows, const PoolSide<Int>& columns, Int oy, Int ox,
                             bool count_include_pad) {
  if (count_include_pad) return static_cast<float>(padded_length(rows, oy) * padded_length(columns, ox));
  const Span<Int> y = window_of(rows, oy);
  const Span<Int> x = window_of(columns, ox);
  return static_cast<float>((y.end - y.begin) * (x.end - x.begin));
}

}  // namespace qrun
