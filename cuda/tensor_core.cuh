// Products on tensor cores: a warp multiplies 16 x 8 by 8 x 8 numbers rounded to TF32 (8 bits of exponent, 10 of
// mantissa) and adds in float32. Which lane holds what is that of mma.m16n8k8 in NVIDIA's PTX ISA, section "Matrix
// fragments".
#pragma once

#include <cuda_runtime.h>

namespace qrun::cuda {

/// The nearest TF32 number, ties away from zero.
__device__ inline float to_tf32(float v) {
#ifdef __CUDACC__
  unsigned bits = 0;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(v));
  return __uint_as_float(bits);
#else
  return emulation::to_tf32(v);
#endif
}

/// d += a b, by all lanes of a warp. With g = lane / 4 and t = lane % 4 a lane holds of a the values (row, k) (g, t),
/// (g + 8, t), (g, t + 4), (g + 8, t + 4), of b (k, column) (t, g), (t + 4, g), and of d (row, column) (g, 2t),
/// (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1).
__device__ inline void multiply_tf32(float (&d)[4], const float (&a)[4], const float (&b)[2]) {
#ifdef __CUDACC__
  asm volatile(  // all lanes come here together: not to be moved into a branch
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(__float_as_uint(a[0])), "r"(__float_as_uint(a[1])), "r"(__float_as_uint(a[2])), "r"(__float_as_uint(a[3])),
        "r"(__float_as_uint(b[0])), "r"(__float_as_uint(b[1])));
#else
  emulation::multiply_tf32(d, a, b);
#endif
}

}  // namespace qrun::cuda
