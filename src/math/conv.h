// Windows of a convolution, along one side of an image at a time: tap t of window `out` meets position
// out stride - pad + t dilation. Int is the integer that the caller's indices have.
#pragma once

#include "core/hd.h"
#include "math/span.h"

namespace qrun {

/// One side of an image, and the windows along it.
template <class Int>
struct ConvSide {
  Int size, k, stride, pad, dilation;
};

/// Positions from a window's first tap to its last one.
template <class Int>
QRUN_HD Int extent_of(const ConvSide<Int>& side) {
  return (side.k - 1) * side.dilation + 1;
}

/// How many windows there are; the padded side is no shorter than one.
template <class Int>
QRUN_HD Int outputs_of(const ConvSide<Int>& side) {
  return (side.size + 2 * side.pad - extent_of(side)) / side.stride + 1;
}

/// The position that a window's tap meets.
template <class Int>
QRUN_HD Int position_of(const ConvSide<Int>& side, Int out, Int tap) {
  return out * side.stride - side.pad + tap * side.dilation;
}

/// The taps of a window that meet the image.
template <class Int>
QRUN_HD Span<Int> taps_inside(const ConvSide<Int>& side, Int out) {
  const Int begin = position_of(side, out, Int{0});
  const Int first = begin < 0 ? (side.dilation - 1 - begin) / side.dilation : 0;
  const Int last = begin < side.size ? (side.size - 1 - begin) / side.dilation + 1 : 0;
  const Int end = last < side.k ? last : side.k;
  return first < end ? Span<Int>{first, end} : Span<Int>{0, 0};
}

/// The windows, of `outputs`, whose tap meets the image: none where the end is not behind the beginning. Neither of the
/// two grows from tap to tap.
template <class Int>
QRUN_HD Span<Int> windows_with(const ConvSide<Int>& side, Int tap, Int outputs) {
  const Int before = side.pad - tap * side.dilation;  // positions of window 0 in front of the image
  const Int last = side.size - 1 + before;
  const Int end = last < 0 ? 0 : last / side.stride + 1;
  return {before > 0 ? (before + side.stride - 1) / side.stride : 0, end < outputs ? end : outputs};
}

/// The windows that lie in the image with all their taps.
template <class Int>
QRUN_HD Span<Int> whole_windows(const ConvSide<Int>& side, Int outputs) {
  const Int first = windows_with(side, Int{0}, outputs).begin;
  const Int begin = first < outputs ? first : outputs;
  const Int end = windows_with(side, side.k - 1, outputs).end;
  return {begin, end > begin ? end : begin};
}

/// Taps first, first + step, ... through which a position takes part in windows out, out - out_step, ..., `count` of
/// them.
template <class Int>
struct Reach {
  Int first, step, out, out_step, count;
};

/// The windows that meet a position, of all taps for which there is a whole number; it may be no window that exists.
template <class Int>
QRUN_HD Reach<Int> reach_of(const ConvSide<Int>& side, Int position) {
  Int common = side.stride;  // the greatest common divisor of stride and dilation
  for (Int rest = side.dilation; rest != 0;) {
    const Int next = common % rest;
    common = rest;
    rest = next;
  }
  const Int step = side.stride / common;
  const Int at = position + side.pad;  // in the padded image
  const Int last = step < side.k ? step : side.k;
  Int first = 0;
  while (first < last && (at - first * side.dilation) % side.stride != 0) ++first;
  const bool any = first < last;
  return {first, step, any ? (at - first * side.dilation) / side.stride : 0, side.dilation / common,
          any ? (side.k - 1 - first) / step + 1 : 0};
}

/// The same without the taps whose windows do not exist.
template <class Int>
QRUN_HD Reach<Int> reach_inside(const ConvSide<Int>& side, Int position) {
  Reach<Int> reach = reach_of(side, position);
  const Int outputs = outputs_of(side);
  while (reach.count > 0 && reach.out >= outputs) {
    reach.first += reach.step;
    reach.out -= reach.out_step;
    --reach.count;
  }
  while (reach.count > 0 && reach.out - (reach.count - 1) * reach.out_step < 0) --reach.count;
  return reach;
}

}  // namespace qrun
