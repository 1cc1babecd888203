// A convolution's shape in the width of index arithmetic, with the divisions that it takes.
#pragma once

#include "cuda/divisor.h"
#include "plan/op_shapes.h"

namespace qrun::cuda {

/// A number for the height and one for the width.
struct Sides32 {
  int h, w;
  explicit Sides32(const Sides& s) : h(static_cast<int>(s.h)), w(static_cast<int>(s.w)) {}
  [[nodiscard]] QRUN_HD int size() const { return h * w; }
};

/// A ConvShape in the width that index arithmetic is done in; PackMemory has seen that it fits.
struct Shape32 {
  int c, h, w, o, groups, oh, ow, n;
  Sides32 k, stride, pad, dilation;
  int channels, filters;  // of a group
  int taps;               // values of a filter
  int plane, pixels;      // values of a channel of the input, of the output
  Divisor by_columns, by_pixels, by_width, by_plane, by_kernel, by_stride_h, by_stride_w, by_groups, by_channels;

  Shape32(const ConvShape& s, std::int64_t images)
      : c(static_cast<int>(s.c)),
        h(static_cast<int>(s.h)),
        w(static_cast<int>(s.w)),
        o(static_cast<int>(s.o)),
        groups(static_cast<int>(s.groups)),
        oh(static_cast<int>(s.out_h())),
        ow(static_cast<int>(s.out_w())),
        n(static_cast<int>(images)),
        k(s.k),
        stride(s.stride),
        pad(s.pad),
        dilation(s.dilation),
        channels(c / groups),
        filters(o / groups),
        taps(channels * k.size()),
        plane(h * w),
        pixels(oh * ow),
        by_columns(ow),
        by_pixels(pixels),
        by_width(w),
        by_plane(plane),
        by_kernel(k.size()),
        by_stride_h(stride.h),
        by_stride_w(stride.w),
        by_groups(groups),
        by_channels(c) {}
};

}  // namespace qrun::cuda
