// Layers without parameters: a thread an element.
#include "cuda/kernels.h"
#include "cuda/launch.cuh"
#include "quant/all.h"

namespace qrun::cuda {
namespace {

struct Pool32 {
  int h, w, k, stride, pad, oh, ow;
  explicit Pool32(const PoolShape& s)
      : h(static_cast<int>(s.h)),
        w(static_cast<int>(s.w)),
        k(static_cast<int>(s.k)),
        stride(static_cast<int>(s.stride)),
        pad(static_cast<int>(s.pad)),
        oh(static_cast<int>(s.out_h())),
        ow(static_cast<int>(s.out_w())) {}
};

/// The part of a window inside the image, along one side.
struct Span {
  int begin, end;
};
__device__ inline Span window(int out, int stride, int pad, int k, int size) {
  const int begin = out * stride - pad;
  return {begin > 0 ? begin : 0, begin + k < size ? begin + k : size};
}

/// The windows that hold a position, along one side.
__device__ inline Span windows_of(int position, int stride, int pad, int k, int outs) {
  const int at = position + pad;
  const int last = at / stride;
  return {at < k ? 0 : (at - k) / stride + 1, last < outs ? last + 1 : outs};
}

__global__ void relu_values(std::int64_t n, Tensor x, Tensor y) {
  const std::int64_t i = element();
  if (i >= n) return;
  const float v = x.data[blockIdx.y * x.stride + i];
  y.data[blockIdx.y * y.stride + i] = v <= 0.0F ? 0.0F : v;  // NaN passes: the loss must see it
}

__global__ void relu_gradient(std::int64_t n, Tensor y, Tensor dy, Tensor dx) {
  const std::int64_t i = element();
  if (i >= n) return;
  const bool passes = y.data[blockIdx.y * y.stride + i] > 0.0F;
  dx.data[blockIdx.y * dx.stride + i] = passes ? dy.data[blockIdx.y * dy.stride + i] : 0.0F;
}

/// What a run's quantizer makes of a value.
struct AsItIs {
  __device__ float operator()(float v) const { return v; }
};
template <class Q>
struct Quantized {
  QParams params;
  __device__ float operator()(float v) const { return decode(Q::code(v, params), params); }
};

template <class Value>
__device__ void max_of_window(const Pool32& s, const float* plane, int oy, int ox, const Value& value, float& best,
                              int& where) {
  const Span rows = window(oy, s.stride, s.pad, s.k, s.h);
  const Span columns = window(ox, s.stride, s.pad, s.k, s.w);
  where = rows.begin * s.w + columns.begin;
  best = value(plane[where]);
  for (int y = rows.begin; y < rows.end; ++y) {
    for (int x = columns.begin; x < columns.end; ++x) {
      const float v = value(plane[y * s.w + x]);
      if (v > best) {
        best = v;
        where = y * s.w + x;
      }
    }
  }
}

__global__ void max_pool(std::int64_t n, Pool32 s, Tensor x, Tensor y, Argmax argmax, const ActivationState* states) {
  const std::int64_t i = element();
  if (i >= n) return;
  const unsigned run = blockIdx.y;
  const int pixel = static_cast<int>(i % (s.oh * s.ow));
  const float* plane = x.data + run * x.stride + i / (s.oh * s.ow) * s.h * s.w;
  const int oy = pixel / s.ow;
  const int ox = pixel % s.ow;
  float best = 0.0F;
  int where = 0;
  const int method = states == nullptr ? kNoQuantizer : states[run].settings.method;
  if (method == kNoQuantizer) max_of_window(s, plane, oy, ox, AsItIs{}, best, where);
  AllQuantizers::visit(
      method, [&]<class Q>() { max_of_window(s, plane, oy, ox, Quantized<Q>{states[run].params}, best, where); });
  y.data[run * y.stride + i] = best;
  argmax.data[run * argmax.stride + i] = where;
}

/// A thread an input: it adds the gradients of the windows that chose it, in order.
__global__ void max_pool_gradient(std::int64_t n, Pool32 s, Tensor x, Tensor dy, Argmax argmax, Tensor dx,
                                  const ActivationState* states) {
  const std::int64_t i = element();
  if (i >= n) return;
  const unsigned run = blockIdx.y;
  const int position = static_cast<int>(i % (s.h * s.w));
  const std::int64_t out = i / (s.h * s.w) * s.oh * s.ow;
  const Span rows = windows_of(position / s.w, s.stride, s.pad, s.k, s.oh);
  const Span columns = windows_of(position % s.w, s.stride, s.pad, s.k, s.ow);
  float sum = 0.0F;
  for (int oy = rows.begin; oy < rows.end; ++oy) {
    for (int ox = columns.begin; ox < columns.end; ++ox) {
      const std::int64_t at = out + oy * s.ow + ox;
      if (argmax.data[run * argmax.stride + at] == position) sum += dy.data[run * dy.stride + at];
    }
  }
  if (states != nullptr) {
    const ActivationState& state = states[run];
    if (state.settings.method != kNoQuantizer && state.settings.gradient == Gradient::kSteClipped) {
      AllQuantizers::visit(state.settings.method, [&]<class Q>() {
        if (Q::saturates(x.data[run * x.stride + i], state.params)) sum = 0.0F;
      });
    }
  }
  dx.data[run * dx.stride + i] = sum;
}

/// What the sum of a window is divided by.
__device__ inline float divisor(const Pool32& s, int oy, int ox, bool count_include_pad) {
  const Span rows = window(oy, s.stride, s.pad, s.k, s.h);
  const Span columns = window(ox, s.stride, s.pad, s.k, s.w);
  if (!count_include_pad) return static_cast<float>((rows.end - rows.begin) * (columns.end - columns.begin));
  const int top = oy * s.stride - s.pad;
  const int left = ox * s.stride - s.pad;
  const int bottom = top + s.k < s.h + s.pad ? top + s.k : s.h + s.pad;
  const int right = left + s.k < s.w + s.pad ? left + s.k : s.w + s.pad;
  return static_cast<float>((bottom - top) * (right - left));
}

__global__ void avg_pool(std::int64_t n, Pool32 s, bool count_include_pad, Tensor x, Tensor y) {
  const std::int64_t i = element();
  if (i >= n) return;
  const int pixel = static_cast<int>(i % (s.oh * s.ow));
  const float* plane = x.data + blockIdx.y * x.stride + i / (s.oh * s.ow) * s.h * s.w;
  const Span rows = window(pixel / s.ow, s.stride, s.pad, s.k, s.h);
  const Span columns = window(pixel % s.ow, s.stride, s.pad, s.k, s.w);
  float sum = 0.0F;
  for (int row = rows.begin; row < rows.end; ++row) {
    for (int column = columns.begin; column < columns.end; ++column) sum += plane[row * s.w + column];
  }
  y.data[blockIdx.y * y.stride + i] = sum / divisor(s, pixel / s.ow, pixel % s.ow, count_include_pad);
}

__global__ void avg_pool_gradient(std::int64_t n, Pool32 s, bool count_include_pad, Tensor dy, Tensor dx) {
  const std::int64_t i = element();
  if (i >= n) return;
  const int position = static_cast<int>(i % (s.h * s.w));
  const float* from = dy.data + blockIdx.y * dy.stride + i / (s.h * s.w) * s.oh * s.ow;
  const Span rows = windows_of(position / s.w, s.stride, s.pad, s.k, s.oh);
  const Span columns = windows_of(position % s.w, s.stride, s.pad, s.k, s.ow);
  float sum = 0.0F;
  for (int oy = rows.begin; oy < rows.end; ++oy) {
    for (int ox = columns.begin; ox < columns.end; ++ox)
      sum += from[oy * s.ow + ox] / divisor(s, oy, ox, count_include_pad);
  }
  dx.data[blockIdx.y * dx.stride + i] = sum;
}

}  // namespace

void relu(const Scope& scope, std::int64_t size, Tensor x, Tensor y) {
  launch(scope.stream, elements_grid(scope.n * size, scope.runs), relu_values, scope.n * size, x, y);
}

void relu_backward(const Scope& scope, std::int64_t size, Tensor y, Tensor dy, Tensor dx) {
  launch(scope.stream, elements_grid(scope.n * size, scope.runs), relu_gradient, scope.n * size, y, dy, dx);
}

void max_pool2d(const Scope& scope, const PoolShape& s, Tensor x, Tensor y, Argmax argmax,
                const ActivationState* states) {
  const std::int64_t n = scope.n * s.c * s.out_h() * s.out_w();
  launch(scope.stream, elements_grid(n, scope.runs), max_pool, n, Pool32(s), x, y, argmax, states);
}

void max_pool2d_backward(const Scope& scope, const PoolShape& s, Tensor x, Tensor dy, Argmax argmax, Tensor dx,
                         const ActivationState* states) {
  const std::int64_t n = scope.n * s.c * s.h * s.w;
  launch(scope.stream, elements_grid(n, scope.runs), max_pool_gradient, n, Pool32(s), x, dy, argmax, dx, states);
}

void avg_pool2d(const Scope& scope, const PoolShape& s, bool count_include_pad, Tensor x, Tensor y) {
  const std::int64_t n = scope.n * s.c * s.out_h() * s.out_w();
  launch(scope.stream, elements_grid(n, scope.runs), avg_pool, n, Pool32(s), count_include_pad, x, y);
}

void avg_pool2d_backward(const Scope& scope, const PoolShape& s, bool count_include_pad, Tensor dy, Tensor dx) {
  const std::int64_t n = scope.n * s.c * s.h * s.w;
  launch(scope.stream, elements_grid(n, scope.runs), avg_pool_gradient, n, Pool32(s), count_include_pad, dy, dx);
}

}  // namespace qrun::cuda
