// A CUDA device made of plain C++, for tests on machines without one: kernels are compiled by the host compiler, a
// block's threads are fibers that switch at __syncthreads(), device memory is the heap's, and a captured graph is a
// list of calls with what each has to wait for. It shows what kernels compute, that all threads of a block reach a
// barrier together, that branches of a graph wait for what they need (it is launched in two orders, in turn), and
// (under AddressSanitizer) that threads stay inside their memory. It does not show races between blocks, nor anything
// about speed. Only what the engine uses is here.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __shared__ static  // one block runs at a time
#define __launch_bounds__(...)
#define __ldcg(pointer) (*(pointer))
#define __ldg(pointer) (*(pointer))

struct int4 {
  int x, y, z, w;
};

struct alignas(16) float4 {
  float x, y, z, w;
};

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  dim3() = default;
  dim3(unsigned x_, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}  // NOLINT: as CUDA's
};

#define CUDART_VERSION 13000
enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorUnknown = 999
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2, cudaMemcpyDeviceToDevice = 3 };
enum cudaStreamCaptureMode {
  cudaStreamCaptureModeGlobal,
  cudaStreamCaptureModeThreadLocal,
  cudaStreamCaptureModeRelaxed
};
enum cudaDeviceAttr { cudaDevAttrMultiProcessorCount };
enum { cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2, cudaHostAllocDefault = 0 };

namespace qrun::emulation {

struct Graph;
struct Stream;
struct Event;

/// Runs the body once for each thread of each block.
void run_grid(dim3 grid, dim3 block, const std::function<void()>& body);
void barrier();

[[noreturn]] void fail(const char* problem);

/// The graph that is being captured, counted from 1; 0: none is.
int capture_under_way();

/// Does it now, or notes it in the graph that is being captured, behind what the stream has noted and waits for.
void submit(Stream* stream, const std::function<void()>& work);

/// What a warp's tensor core does: see cuda/tensor_core.cuh. All threads of the block come here together.
float to_tf32(float v);
void multiply_tf32(float (&d)[4], const float (&a)[4], const float (&b)[2]);

/// Ends the program where a device would fault: at places that are no multiples of 16 bytes.
void copy_four(float* to, const float* from, bool inside);

/// Bytes that later allocations may take; negative: no limit.
extern long long memory_left;

/// Of the device.
extern int multiprocessors;

}  // namespace qrun::emulation

using cudaStream_t = qrun::emulation::Stream*;
using cudaGraph_t = qrun::emulation::Graph*;
using cudaGraphExec_t = qrun::emulation::Graph*;
using cudaEvent_t = qrun::emulation::Event*;

extern dim3 threadIdx, blockIdx, blockDim, gridDim;

inline void __syncthreads() { qrun::emulation::barrier(); }
inline void __threadfence() {}
template <class T>
T atomicAdd(T* to, T value) {
  const T before = *to;
  *to = before + value;
  return before;
}
inline unsigned atomicMax(unsigned* to, unsigned value) {
  const unsigned before = *to;
  *to = before > value ? before : value;
  return before;
}
inline unsigned long long atomicMin(unsigned long long* to, unsigned long long value) {
  const unsigned long long before = *to;
  *to = before < value ? before : value;
  return before;
}
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline unsigned __float_as_uint(float v) {
  unsigned bits = 0;
  std::memcpy(&bits, &v, sizeof bits);
  return bits;
}
inline float __uint_as_float(unsigned bits) {
  float v = 0;
  std::memcpy(&v, &bits, sizeof v);
  return v;
}

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  std::size_t dynamicSmemBytes;
  cudaStream_t stream;
  void* attrs;
  unsigned numAttrs;
};

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  std::tuple<Parameters...> kept(std::forward<Arguments>(arguments)...);
  qrun::emulation::submit(config->stream, [kernel, kept, grid = config->gridDim, block = config->blockDim] {
    qrun::emulation::run_grid(grid, block, [&] { std::apply(kernel, kept); });
  });
  return cudaSuccess;
}

const char* cudaGetErrorString(cudaError_t error);
const char* cudaGetErrorName(cudaError_t error);
cudaError_t cudaGetLastError();
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDevice(int* device);
cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total);

struct cudaDeviceProp {
  char name[256];
  int major, minor;
};
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device);
cudaError_t cudaMalloc(void** memory, std::size_t bytes);
cudaError_t cudaFree(void* memory);
cudaError_t cudaHostAlloc(void** memory, std::size_t bytes, unsigned flags);
cudaError_t cudaFreeHost(void* memory);
cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t stream);
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                              std::size_t width, std::size_t rows, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long flags);
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags);
