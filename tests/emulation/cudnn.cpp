#include <cudnn.h>  // the one beside this file

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <vector>

namespace qrun::emulation {

Cudnn cudnn;

struct CudnnTensor {
  int n = 0, c = 0, h = 0, w = 0;
};
struct CudnnFilter {
  int o = 0, c = 0, h = 0, w = 0;
};
struct CudnnConv {
  int pad_h = 0, pad_w = 0, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1, groups = 1;
  cudnnMathType_t math = CUDNN_DEFAULT_MATH;
};
struct CudnnHandle {
  cudaStream_t stream = nullptr;
  std::set<std::tuple<int, int, int>> loaded;  // direction, algorithm, math
};

namespace {

enum Way : std::uint8_t { kForward, kData, kFilter };

/// The stream of a graph that something is used on.
struct Used {
  int capture = 0;
  cudaStream_t stream = nullptr;
};
std::map<const void*, Used> used;  // handles and workspaces

void refuse_two_streams(const void* what, cudaStream_t stream) {
  const int capture = capture_under_way();
  if (capture == 0) return;
  Used& before = used[what];
  if (before.capture == capture && before.stream != stream)
    fail("a handle or workspace of cuDNN on two streams of a graph");
  before = {capture, stream};
}

struct Shape {
  CudnnTensor x, y;
  CudnnFilter w;
  CudnnConv conv;
};

bool agree(const Shape& s) {
  const auto out = [](int size, int k, int pad, int stride, int dilation) {
    return (size + 2 * pad - dilation * (k - 1) - 1) / stride + 1;
  };
  return s.x.n == s.y.n && s.x.c == s.w.c * s.conv.groups && s.y.c == s.w.o && s.w.o % s.conv.groups == 0 &&
         s.y.h == out(s.x.h, s.w.h, s.conv.pad_h, s.conv.stride_h, s.conv.dilation_h) &&
         s.y.w == out(s.x.w, s.w.w, s.conv.pad_w, s.conv.stride_w, s.conv.dilation_w) && s.x.n > 0;
}

/// Calls `visit(x, w, y)` with the indices of each product, the last one first.
template <class Visit>
void for_products(const Shape& s, const Visit& visit) {
  const int filters = s.w.o / s.conv.groups;
  const auto at = [](const auto& t, int n, int c, int h, int w) {
    return ((static_cast<std::size_t>(n) * static_cast<std::size_t>(t.c) + static_cast<std::size_t>(c)) *
                static_cast<std::size_t>(t.h) +
            static_cast<std::size_t>(h)) *
               static_cast<std::size_t>(t.w) +
           static_cast<std::size_t>(w);
  };
  for (int n = s.x.n - 1; n >= 0; --n)
    for (int o = s.w.o - 1; o >= 0; --o)
      for (int c = s.w.c - 1; c >= 0; --c)
        for (int ky = s.w.h - 1; ky >= 0; --ky)
          for (int kx = s.w.w - 1; kx >= 0; --kx)
            for (int y = 0; y < s.y.h; ++y)
              for (int x = 0; x < s.y.w; ++x) {
                const int row = y * s.conv.stride_h + ky * s.conv.dilation_h - s.conv.pad_h;
                const int column = x * s.conv.stride_w + kx * s.conv.dilation_w - s.conv.pad_w;
                if (row < 0 || row >= s.x.h || column < 0 || column >= s.x.w) continue;
                visit(at(s.x, n, o / filters * s.w.c + c, row, column), at(s.w, o, c, ky, kx), at(s.y, n, o, y, x));
              }
}

void compute(Way way, const Shape& s, float* x, float* w, float* y) {
  const bool exact = s.conv.math == CUDNN_FMA_MATH;
  const auto factor = [exact](float v) { return exact ? v : to_tf32(v); };
  const auto zero = [](const auto& t, int first, float* values) {
    std::fill_n(values, static_cast<std::size_t>(first) * static_cast<std::size_t>(t.c * t.h * t.w), 0.0F);
  };
  if (way == kForward) zero(s.y, s.y.n, y);
  if (way == kData) zero(s.x, s.x.n, x);
  if (way == kFilter) zero(s.w, s.w.o, w);
  for_products(s, [&](std::size_t xi, std::size_t wi, std::size_t yi) {
    if (way == kForward) y[yi] += factor(x[xi]) * factor(w[wi]);
    if (way == kData) x[xi] += factor(w[wi]) * factor(y[yi]);
    if (way == kFilter) w[wi] += factor(x[xi]) * factor(y[yi]);
  });
}

struct Call {
  Way way;
  int algorithm;
  const void *alpha, *beta;
  void* workspace;
  std::size_t bytes;
};

void refuse_odd_memory(const Call& call, const void* x, const void* w, const void* y) {
  for (const void* tensor : {x, w, y}) {
    if (tensor == nullptr || reinterpret_cast<std::uintptr_t>(tensor) % 16 != 0)
      fail("a tensor of cuDNN that does not begin on 16 bytes");
  }
  if (call.bytes < cudnn.workspace[call.way] || (call.bytes > 0 && call.workspace == nullptr))
    fail("a workspace of cuDNN that is too small");
}

cudnnStatus_t submit_conv(cudnnHandle_t handle, const Call& call, const Shape& s, const void* x, const void* w,
                          const void* y) {
  if (!agree(s) || *static_cast<const float*>(call.alpha) != 1 || *static_cast<const float*>(call.beta) != 0)
    return CUDNN_STATUS_BAD_PARAM;
  refuse_odd_memory(call, x, w, y);
  refuse_two_streams(handle, handle->stream);
  if (call.workspace != nullptr) refuse_two_streams(call.workspace, handle->stream);
  const bool is_first = handle->loaded.insert({call.way, call.algorithm, s.conv.math}).second;
  if (is_first && capture_under_way() != 0) fail("cuDNN loads code while a graph is captured");
  ++cudnn.calls[call.way];
  const auto writable = [](const void* tensor) { return static_cast<float*>(const_cast<void*>(tensor)); };
  submit(handle->stream, [=] {
    if (call.bytes > 0) std::memset(call.workspace, 0x5a, call.bytes);
    compute(call.way, s, writable(x), writable(w), writable(y));
  });
  return CUDNN_STATUS_SUCCESS;
}

/// What the heuristic says: the fastest first, and only the last one is one to take in float32.
template <class Algorithm>
cudnnStatus_t answer(Way way, const Shape& s, const std::vector<Algorithm>& algorithms, int most, int* count,
                     CudnnPerf<Algorithm>* found) {
  if (!agree(s)) return CUDNN_STATUS_BAD_PARAM;
  if (s.w.h == 7) return CUDNN_STATUS_NOT_SUPPORTED_SHAPE;
  const std::size_t bytes = cudnn.workspace[way];
  const cudnnMathType_t math = s.conv.math == CUDNN_FMA_MATH ? CUDNN_FMA_MATH : CUDNN_DEFAULT_MATH;
  const std::vector<CudnnPerf<Algorithm>> answers = {
      {algorithms[0], CUDNN_STATUS_SUCCESS, 1, 0, CUDNN_DETERMINISTIC, CUDNN_FMA_MATH, {}},  // a transform
      {algorithms[1], CUDNN_STATUS_SUCCESS, 2, 0, CUDNN_NON_DETERMINISTIC, CUDNN_FMA_MATH, {}},
      {algorithms[2], CUDNN_STATUS_SUCCESS, 3, 0, CUDNN_DETERMINISTIC, CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION, {}},
      {algorithms[2], CUDNN_STATUS_NOT_SUPPORTED, -1, 0, CUDNN_DETERMINISTIC, CUDNN_FMA_MATH, {}},
      {algorithms[2], CUDNN_STATUS_SUCCESS, 4, (256U << 20) + 1, CUDNN_DETERMINISTIC, CUDNN_FMA_MATH, {}},
      {algorithms[2], CUDNN_STATUS_SUCCESS, 5, bytes, CUDNN_DETERMINISTIC, math, {}}};
  *count = std::min(most, static_cast<int>(answers.size()));
  std::copy_n(answers.begin(), *count, found);
  return CUDNN_STATUS_SUCCESS;
}

template <class T>
cudnnStatus_t create(T** made) {
  *made = new T;
  ++cudnn.descriptors;
  return CUDNN_STATUS_SUCCESS;
}
template <class T>
cudnnStatus_t destroy(T* made) {
  delete made;
  --cudnn.descriptors;
  return CUDNN_STATUS_SUCCESS;
}

}  // namespace

}  // namespace qrun::emulation

using namespace qrun::emulation;  // NOLINT: as flat as cuDNN is

std::size_t cudnnGetVersion() { return cudnn.version; }
const char* cudnnGetErrorString(cudnnStatus_t status) {
  return status == CUDNN_STATUS_NOT_INITIALIZED ? "CUDNN_STATUS_NOT_INITIALIZED" : "CUDNN_STATUS_BAD_PARAM";
}
void cudnnGetLastErrorString(char* message, std::size_t max_size) {
  if (max_size > 0) message[0] = 0;
}
cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  if (!cudnn.has_device) return CUDNN_STATUS_NOT_INITIALIZED;
  *handle = new CudnnHandle;
  ++cudnn.handles;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  delete handle;
  --cudnn.handles;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t* tensor) { return create(tensor); }
cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t tensor) { return destroy(tensor); }
cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t tensor, cudnnTensorFormat_t format,
                                         cudnnDataType_t /*type*/, int n, int c, int h, int w) {
  if (format != CUDNN_TENSOR_NCHW) return CUDNN_STATUS_BAD_PARAM;
  *tensor = {n, c, h, w};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t* filter) { return create(filter); }
cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t filter) { return destroy(filter); }
cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t filter, cudnnDataType_t /*type*/,
                                         cudnnTensorFormat_t format, int k, int c, int h, int w) {
  if (format != CUDNN_TENSOR_NCHW) return CUDNN_STATUS_BAD_PARAM;
  *filter = {k, c, h, w};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t* conv) { return create(conv); }
cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t conv) { return destroy(conv); }
cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t conv, int pad_h, int pad_w, int stride_h,
                                              int stride_w, int dilation_h, int dilation_w, cudnnConvolutionMode_t mode,
                                              cudnnDataType_t /*type*/) {
  if (mode != CUDNN_CROSS_CORRELATION) return CUDNN_STATUS_BAD_PARAM;
  *conv = {pad_h, pad_w, stride_h, stride_w, dilation_h, dilation_w, conv->groups, conv->math};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolutionGroupCount(cudnnConvolutionDescriptor_t conv, int groups) {
  conv->groups = groups;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t conv, cudnnMathType_t math) {
  conv->math = math;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(cudnnHandle_t /*handle*/, cudnnTensorDescriptor_t x,
                                                     cudnnFilterDescriptor_t w, cudnnConvolutionDescriptor_t conv,
                                                     cudnnTensorDescriptor_t y, int most, int* count,
                                                     cudnnConvolutionFwdAlgoPerf_t* found) {
  return answer<cudnnConvolutionFwdAlgo_t>(
      kForward, {*x, *y, *w, *conv},
      {CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD_NONFUSED, CUDNN_CONVOLUTION_FWD_ALGO_GEMM,
       CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM},
      most, count, found);
}
cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnnHandle_t /*handle*/, cudnnFilterDescriptor_t w,
                                                          cudnnTensorDescriptor_t dy, cudnnConvolutionDescriptor_t conv,
                                                          cudnnTensorDescriptor_t dx, int most, int* count,
                                                          cudnnConvolutionBwdDataAlgoPerf_t* found) {
  return answer<cudnnConvolutionBwdDataAlgo_t>(
      kData, {*dx, *dy, *w, *conv},
      {CUDNN_CONVOLUTION_BWD_DATA_ALGO_WINOGRAD, CUDNN_CONVOLUTION_BWD_DATA_ALGO_0, CUDNN_CONVOLUTION_BWD_DATA_ALGO_1},
      most, count, found);
}
cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(cudnnHandle_t /*handle*/, cudnnTensorDescriptor_t x,
                                                            cudnnTensorDescriptor_t dy,
                                                            cudnnConvolutionDescriptor_t conv,
                                                            cudnnFilterDescriptor_t dw, int most, int* count,
                                                            cudnnConvolutionBwdFilterAlgoPerf_t* found) {
  return answer<cudnnConvolutionBwdFilterAlgo_t>(
      kFilter, {*x, *dy, *dw, *conv},
      {CUDNN_CONVOLUTION_BWD_FILTER_ALGO_FFT, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_3, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1},
      most, count, found);
}
cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void* alpha, cudnnTensorDescriptor_t x_of,
                                      const void* x, cudnnFilterDescriptor_t w_of, const void* w,
                                      cudnnConvolutionDescriptor_t conv, cudnnConvolutionFwdAlgo_t algorithm,
                                      void* workspace, std::size_t bytes, const void* beta,
                                      cudnnTensorDescriptor_t y_of, void* y) {
  return submit_conv(handle, {kForward, algorithm, alpha, beta, workspace, bytes}, {*x_of, *y_of, *w_of, *conv}, x, w,
                     y);
}
cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, const void* alpha, cudnnFilterDescriptor_t w_of,
                                           const void* w, cudnnTensorDescriptor_t dy_of, const void* dy,
                                           cudnnConvolutionDescriptor_t conv, cudnnConvolutionBwdDataAlgo_t algorithm,
                                           void* workspace, std::size_t bytes, const void* beta,
                                           cudnnTensorDescriptor_t dx_of, void* dx) {
  return submit_conv(handle, {kData, algorithm, alpha, beta, workspace, bytes}, {*dx_of, *dy_of, *w_of, *conv}, dx, w,
                     dy);
}
cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t handle, const void* alpha, cudnnTensorDescriptor_t x_of,
                                             const void* x, cudnnTensorDescriptor_t dy_of, const void* dy,
                                             cudnnConvolutionDescriptor_t conv,
                                             cudnnConvolutionBwdFilterAlgo_t algorithm, void* workspace,
                                             std::size_t bytes, const void* beta, cudnnFilterDescriptor_t dw_of,
                                             void* dw) {
  return submit_conv(handle, {kFilter, algorithm, alpha, beta, workspace, bytes}, {*x_of, *dy_of, *dw_of, *conv}, x, dw,
                     dy);
}
