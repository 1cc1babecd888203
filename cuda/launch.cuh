// Starting kernels, and what their blocks do together.
#pragma once

#include "core/sizes.h"
#include "cuda/runtime.h"

namespace qrun::cuda {

inline constexpr unsigned kThreads = 256;  // of every block

/// Starts `kernel` on the stream, or notes it in the graph under way; nothing where the grid is empty.
template <class... Parameters, class... Arguments>
void launch(cudaStream_t stream, dim3 grid, void (*kernel)(Parameters...), Arguments... arguments) {
  if (grid.x == 0 || grid.y == 0) return;
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = dim3(kThreads);
  config.stream = stream;
  check(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...), "cudaLaunchKernel");
}

/// Blocks with a thread for each of `n` elements of each run.
[[nodiscard]] inline dim3 elements_grid(std::int64_t n, int runs) {
  return dim3(static_cast<unsigned>(ceil_div(n, kThreads)), static_cast<unsigned>(runs));
}

/// The element of a thread in elements_grid().
__device__ inline int element() { return static_cast<int>(blockIdx.x * kThreads + threadIdx.x); }

/// Returns `combine` over what the threads of a block hold, as a tree: the order is always the same. Every thread gets
/// the result.
template <class T, class Combine>
__device__ T block_reduce(T mine, Combine combine) {
  __shared__ T held[kThreads];
  held[threadIdx.x] = mine;
  __syncthreads();
  for (unsigned quarter = kThreads / 4; quarter > 0; quarter /= 4) {
    T* const mine_of = held + threadIdx.x;
    if (threadIdx.x < quarter)
      *mine_of = combine(combine(mine_of[0], mine_of[quarter]), combine(mine_of[2 * quarter], mine_of[3 * quarter]));
    __syncthreads();
  }
  const T result = held[0];
  __syncthreads();
  return result;
}

/// What all threads of a block wrote comes before what its first thread writes next.
__device__ inline void publish() {
  __threadfence();
  __syncthreads();
}

/// True in the block that comes last of `blocks` which share a counter; it sees what their first threads wrote. The
/// counter is zero before and after. (NVIDIA's sample threadFenceReduction has the pattern.)
__device__ inline bool is_last_block(unsigned* counter, unsigned blocks) {
  __shared__ bool last;
  if (threadIdx.x == 0) {
    __threadfence();  // what this thread wrote comes before its count
    last = atomicAdd(counter, 1U) + 1U == blocks;
    if (last) *counter = 0;
  }
  __syncthreads();
  const bool result = last;
  if (result) __threadfence();
  __syncthreads();
  return result;
}

}  // namespace qrun::cuda
