// A convolution's shape in the width of index arithmetic, with the divisions that it takes.
#pragma once

#include "cuda/divisor.h"
#include "plan/op_shapes.h"

namespace qrun::cuda {

/// A ConvShape in the width that index arithmetic is done in; PackMemory has seen that it fits.
struct Shape32 {
  int c, h, w, o, k, stride, pad, groups, oh, ow, n;
  int channels, filters;  // of a group
  int taps;               // values of a filter
  int plane, pixels;      // values of a channel of the input, of the output
  Divisor by_columns, by_pixels, by_width, by_plane, by_kernel, by_stride, by_groups, by_channels;

  Shape32(const ConvShape& s, std::int64_t images)
      : c(static_cast<int>(s.c)),
        h(static_cast<int>(s.h)),
        w(static_cast<int>(s.w)),
        o(static_cast<int>(s.o)),
        k(static_cast<int>(s.k)),
        stride(static_cast<int>(s.stride)),
        pad(static_cast<int>(s.pad)),
        groups(static_cast<int>(s.groups)),
        oh(static_cast<int>(s.out_h())),
        ow(static_cast<int>(s.out_w())),
        n(static_cast<int>(images)),
        channels(c / groups),
        filters(o / groups),
        taps(channels * k * k),
        plane(h * w),
        pixels(oh * ow),
        by_columns(ow),
        by_pixels(pixels),
        by_width(w),
        by_plane(plane),
        by_kernel(k * k),
        by_stride(stride),
        by_groups(groups),
        by_channels(c) {}
};

}  // namespace qrun::cuda
