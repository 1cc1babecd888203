// Marks functions that both the host compiler and nvcc read, so that each formula stands in one place.
#pragma once

#ifdef __CUDACC__
#define QRUN_HD __host__ __device__ inline
#else
#define QRUN_HD inline
#endif
