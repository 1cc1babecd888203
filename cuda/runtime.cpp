#include "cuda/runtime.h"

#include <string>

namespace qrun::cuda {

void check(cudaError_t error, const char* call) {
  if (error == cudaSuccess) return;
  (void)cudaGetLastError();  // one failure is not reported twice
  const std::string text =
      std::string("cuda: ") + call + ": " + cudaGetErrorString(error) + " (" + cudaGetErrorName(error) + ")";
  if (error == cudaErrorMemoryAllocation) throw Error(text + "; use a smaller --pack or batch_size");
  throw EnvironmentError(text + "; `nvidia-smi` shows the device's state, --engine cpu goes without it");
}

int multiprocessors() {
  int device = 0;
  int count = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  check(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device), "cudaDeviceGetAttribute");
  return count;
}

}  // namespace qrun::cuda
