// Depthwise convolution: a thread an output, or an input of the gradient, whose sum runs over (filter, ky, kx) in order. A
// weight's gradient is summed by a block, as bias gradients are.
#include "cuda/depthwise_conv2d.h"
#include "cuda/fitting.cuh"
#include "cuda/shape32.h"

namespace qrun::cuda {
namespace {

struct Depthwise32 : Shape32 {
  Divisor by_outputs, by_filters;  // o; those of a channel
  Depthwise32(const ConvShape& s, std::int64_t images) : Shape32(s, images), by_outputs(o), by_filters(filters) {}
};

/// kKernel: height and width of kernels where they are known, so that their loops unroll; else 0.
template <int kKernel>
__device__ inline int kernel_rows(const Shape32& s) {
  return kKernel > 0 ? kKernel : s.k.h;
}
template <int kKernel>
__device__ inline int kernel_columns(const Shape32& s) {
  return kKernel > 0 ? kKernel : s.k.w;
}

/// Each block has a piece of a run.
template <int kKernel>
__global__ void depthwise_conv2d_kernel(std::int64_t n, Depthwise32 s, Tensor x, Tensor w, Tensor b, Tensor y,
                                        Fitting fitting) {
  const unsigned run = blockIdx.y;
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * kPiece;
  const std::int64_t end = begin + kPiece < n ? begin + kPiece : n;
  unsigned largest = 0;  // of what this thread has stored, as the bits of |y|
  for (std::int64_t at = begin + threadIdx.x; at < end; at += kThreads) {
    const int i = static_cast<int>(at);
    const int plane = s.by_pixels.quotient(i);
    const int filter = s.by_outputs.remainder(plane);
    const int pixel = i - plane * s.pixels;
    const int row = s.by_columns.quotient(pixel);
    const int top = row * s.stride.h - s.pad.h;
    const int left = (pixel - row * s.ow) * s.stride.w - s.pad.w;
    const float* from = x.data + run * x.stride + static_cast<std::int64_t>(s.by_filters.quotient(plane)) * s.plane;
    const float* weights = w.data + run * w.stride + filter * s.k.size();
    float sum = 0.0F;
#pragma unroll
    for (int ky = 0; ky < kernel_rows<kKernel>(s); ++ky) {
      const int iy = top + ky * s.dilation.h;
      const bool has_row = static_cast<unsigned>(iy) < static_cast<unsigned>(s.h);
#pragma unroll
      for (int kx = 0; kx < kernel_columns<kKernel>(s); ++kx) {
        const int ix = left + kx * s.dilation.w;
        const bool inside = has_row && static_cast<unsigned>(ix) < static_cast<unsigned>(s.w);
        const float v = __ldg(from + (inside ? iy * s.w + ix : 0));
        sum = __fmaf_rn(__ldg(weights + ky * kernel_columns<kKernel>(s) + kx), inside ? v : 0.0F, sum);
      }
    }
    if (b.data != nullptr) sum += b.data[run * b.stride + filter];
    y.data[run * y.stride + i] = sum;
    const unsigned bits = __float_as_uint(sum) & 0x7fffffffU;
    largest = largest > bits ? largest : bits;
  }
  if (fitting.states != nullptr) fit_to_maxima(fitting, run, largest, gridDim.x);
}

template <int kKernel>
__global__ void depthwise_conv2d_backward_data_kernel(std::int64_t n, Depthwise32 s, Tensor dy, Tensor w, Tensor dx) {
  const int i = element();
  if (i >= n) return;
  const unsigned run = blockIdx.y;
  const int plane = s.by_plane.quotient(i);
  const int channel = s.by_channels.remainder(plane);
  const int pixel = i - plane * s.plane;
  const int y = s.by_width.quotient(pixel) + s.pad.h;  // in the padded image
  const int x = pixel - s.by_width.quotient(pixel) * s.w + s.pad.w;
  const float* from = dy.data + run * dy.stride + static_cast<std::int64_t>(plane) * s.filters * s.pixels;
  const float* weights = w.data + run * w.stride + channel * s.filters * s.k.size();
  float sum = 0.0F;
  for (int filter = 0; filter < s.filters; ++filter, from += s.pixels, weights += s.k.size()) {
#pragma unroll
    for (int ky = 0; ky < kernel_rows<kKernel>(s); ++ky) {
      const int row = y - ky * s.dilation.h;
      const int oy = s.by_stride_h.quotient(row > 0 ? row : 0);
      const bool has_row = row >= 0 && oy * s.stride.h == row && oy < s.oh;
#pragma unroll
      for (int kx = 0; kx < kernel_columns<kKernel>(s); ++kx) {
        const int column = x - kx * s.dilation.w;
        const int ox = s.by_stride_w.quotient(column > 0 ? column : 0);
        const bool inside = has_row && column >= 0 && ox * s.stride.w == column && ox < s.ow;
        const float v = __ldg(from + (inside ? oy * s.ow + ox : 0));
        sum = __fmaf_rn(__ldg(weights + ky * kernel_columns<kKernel>(s) + kx), inside ? v : 0.0F, sum);
      }
    }
  }
  dx.data[run * dx.stride + i] = sum;
}

/// A block sums kTaps taps of a row of a filter, the last one's maybe fewer: each thread every 256th position, in order,
/// then all of them as a tree.
template <int kTaps>
__global__ void depthwise_conv2d_backward_weight_kernel(Depthwise32 s, Divisor by_parts, Divisor by_rows, Tensor x,
                                                        Tensor dy, Tensor dw) {
  const unsigned run = blockIdx.y;
  const int above = by_parts.quotient(static_cast<int>(blockIdx.x));
  const int kx0 = (static_cast<int>(blockIdx.x) - above * by_parts.value()) * kTaps;
  const int filter = by_rows.quotient(above);
  const int ky = above - filter * by_rows.value();
  const float* images = x.data + run * x.stride + static_cast<std::int64_t>(s.by_filters.quotient(filter)) * s.plane;
  const float* gradients = dy.data + run * dy.stride + static_cast<std::int64_t>(filter) * s.pixels;
  float sums[kTaps] = {};
#pragma unroll 4
  for (int i = static_cast<int>(threadIdx.x); i < s.n * s.pixels; i += static_cast<int>(kThreads)) {
    const int image = s.by_pixels.quotient(i);
    const int pixel = i - image * s.pixels;
    const int row = s.by_columns.quotient(pixel);
    const int iy = row * s.stride.h - s.pad.h + ky * s.dilation.h;
    const int left = (pixel - row * s.ow) * s.stride.w - s.pad.w + kx0 * s.dilation.w;
    const bool has_row = static_cast<unsigned>(iy) < static_cast<unsigned>(s.h);
    const float gradient = __ldg(gradients + static_cast<std::int64_t>(image) * s.o * s.pixels + pixel);
    const float* from = images + static_cast<std::int64_t>(image) * s.c * s.plane;
#pragma unroll
    for (int t = 0; t < kTaps; ++t) {
      const int ix = left + t * s.dilation.w;
      const bool inside = has_row && static_cast<unsigned>(ix) < static_cast<unsigned>(s.w);
      const float v = __ldg(from + (inside ? iy * s.w + ix : 0));
      sums[t] = __fmaf_rn(gradient, inside ? v : 0.0F, sums[t]);
    }
  }
#pragma unroll
  for (int t = 0; t < kTaps; ++t) {
    const float sum = block_reduce(sums[t], [](float a, float b) { return a + b; });
    if (threadIdx.x == 0 && kx0 + t < s.k.w)
      dw.data[run * dw.stride + (static_cast<std::int64_t>(filter) * s.k.h + ky) * s.k.w + kx0 + t] = sum;
  }
}

template <int kTaps>
void launch_weight(const Scope& scope, const ConvShape& s, const ConvOperands& operands) {
  const Divisor by_parts(static_cast<int>(ceil_div(s.k.w, kTaps)));
  const dim3 grid(static_cast<unsigned>(s.o * s.k.h * by_parts.value()), static_cast<unsigned>(scope.runs));
  launch(scope.stream, grid, depthwise_conv2d_backward_weight_kernel<kTaps>, Depthwise32(s, scope.n), by_parts,
         Divisor(static_cast<int>(s.k.h)), operands.x, operands.y, operands.w);
}

}  // namespace

void depthwise_conv2d(const Scope& scope, const ConvShape& s, const ConvOperands& operands, const Fitting& fitting) {
  const std::int64_t n = scope.n * s.o * s.out_h() * s.out_w();
  const dim3 grid(static_cast<unsigned>(ceil_div(n, kPiece)), static_cast<unsigned>(scope.runs));
  const auto kernel = s.k == 3   ? depthwise_conv2d_kernel<3>
                      : s.k == 5 ? depthwise_conv2d_kernel<5>
                                 : depthwise_conv2d_kernel<0>;
  launch(scope.stream, grid, kernel, n, Depthwise32(s, scope.n), operands.x, operands.w, operands.b, operands.y,
         fitting);
}

void depthwise_conv2d_backward_data(const Scope& scope, const ConvShape& s, const ConvOperands& operands) {
  const std::int64_t n = scope.n * s.c * s.h * s.w;
  const auto kernel = s.k == 3   ? depthwise_conv2d_backward_data_kernel<3>
                      : s.k == 5 ? depthwise_conv2d_backward_data_kernel<5>
                                 : depthwise_conv2d_backward_data_kernel<0>;
  launch(scope.stream, elements_grid(n, scope.runs), kernel, n, Depthwise32(s, scope.n), operands.y, operands.w,
         operands.x);
}

void depthwise_conv2d_backward_weight(const Scope& scope, const ConvShape& s, const ConvOperands& operands) {
  s.k.w == 5 ? launch_weight<5>(scope, s, operands) : launch_weight<3>(scope, s, operands);
  bias_gradient(scope, s, operands.y, operands.b);
}

}  // namespace qrun::cuda
