// Copies from device memory to shared memory that go on while a thread does something else (cp.async of NVIDIA's PTX
// ISA, section "Data Movement and Conversion Instructions: Asynchronous copy"; sm_80 and later).
#pragma once

#include <cuda_runtime.h>

namespace qrun::cuda {

/// Starts to copy a float; to write zero where it is not `inside`.
__device__ inline void copy_async(float* to, const float* from, bool inside) {
#ifdef __CUDACC__
  const auto place = static_cast<unsigned>(__cvta_generic_to_shared(to));
  const int bytes = inside ? 4 : 0;  // what is not copied is filled with zero
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" : : "r"(place), "l"(from), "r"(bytes) : "memory");
#else
  *to = inside ? *from : 0.0F;
#endif
}

/// Starts to copy four floats, at multiples of four; to write zeros where they are not `inside`.
__device__ inline void copy_four_async(float* to, const float* from, bool inside) {
#ifdef __CUDACC__
  const auto place = static_cast<unsigned>(__cvta_generic_to_shared(to));
  const int bytes = inside ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" : : "r"(place), "l"(from), "r"(bytes) : "memory");
#else
  emulation::copy_four(to, from, inside);
#endif
}

/// Makes a group of all copies that this thread has started since the group before.
__device__ inline void close_copies() {
#ifdef __CUDACC__
  asm volatile("cp.async.commit_group;" : : : "memory");
#endif
}

/// Waits until all but the last kLeft groups of this thread have arrived.
template <int kLeft>
__device__ void wait_for_copies() {
#ifdef __CUDACC__
  asm volatile("cp.async.wait_group %0;" : : "n"(kLeft) : "memory");
#endif
}

}  // namespace qrun::cuda
