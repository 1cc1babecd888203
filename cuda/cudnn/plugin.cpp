// What the CUDA plug-in finds in libqrun_cudnn.so; see cuda/conv_library.h.
#include <cstdio>
#include <exception>

#include "cuda/cudnn/cudnn_library.h"

extern "C" {

const char* qrun_plugin_version() { return QRUN_BUILD; }

qrun::cuda::ConvLibrary* qrun_make_library(char* problem, int problem_size) {
  try {
    return new qrun::cuda::CudnnLibrary;
  } catch (const std::exception& error) {
    (void)std::snprintf(problem, static_cast<std::size_t>(problem_size), "%s", error.what());
  }
  return nullptr;
}

}  // extern "C"
