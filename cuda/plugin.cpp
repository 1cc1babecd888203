// What the program finds in libqrun_cuda.so; see src/engine/plugin.h.
#include <dlfcn.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "cuda/cuda_engine.h"
#include "engine/plugin.h"

namespace {

constexpr int kOldestMajor = 8;  // compute capability that the kernels are compiled for

/// Returns why the device cannot be used; empty if it can. Fills in what it is.
std::string use_device(int device, qrun::EngineInfo& info) {
  int devices = 0;
  const cudaError_t counted = cudaGetDeviceCount(&devices);
  if (counted == cudaErrorInsufficientDriver) {
    int driver = 0;
    (void)cudaDriverGetVersion(&driver);
    if (driver == 0) return "no device: there is no NVIDIA driver";
    return "the driver supports CUDA " + std::to_string(driver / 1000) + "." + std::to_string(driver % 1000 / 10) +
           " at most, this needs " + std::to_string(CUDART_VERSION / 1000) + ".0; install a newer driver";
  }
  if (counted == cudaErrorNoDevice || (counted == cudaSuccess && devices == 0)) return "no device";
  if (counted != cudaSuccess) return std::string("no device: ") + cudaGetErrorString(counted);
  if (device >= devices)
    return "no device " + std::to_string(device) + ": there are " + std::to_string(devices) + ", counted from 0";
  cudaDeviceProp properties{};
  cudaError_t error = cudaGetDeviceProperties(&properties, device);
  if (error == cudaSuccess) error = cudaSetDevice(device);
  if (error == cudaSuccess) error = cudaFree(nullptr);  // makes the context, where a busy or broken device shows
  if (error != cudaSuccess) return "device " + std::to_string(device) + ": " + cudaGetErrorString(error);
  if (properties.major < kOldestMajor) {
    return std::string(properties.name) + " has compute capability " + std::to_string(properties.major) + "." +
           std::to_string(properties.minor) + ", this needs " + std::to_string(kOldestMajor) + ".0";
  }
  std::size_t free = 0;
  std::size_t total = 0;
  error = cudaMemGetInfo(&free, &total);
  if (error != cudaSuccess) return "device " + std::to_string(device) + ": " + cudaGetErrorString(error);
  info = {.name = "cuda",
          .device = properties.name,
          .instruction_set = "sm_" + std::to_string(properties.major) + std::to_string(properties.minor),
          .has_tf32 = true,
          .pack = qrun::kDevicePack,
          .memory = static_cast<std::int64_t>(free)};
  return "";
}

}  // namespace

extern "C" {

const char* qrun_plugin_version() { return QRUN_BUILD; }

}  // extern "C"

namespace {

/// Returns the folder of this plug-in, and its build.
qrun::cuda::LibraryPlace library_place() {
  Dl_info where{};
  (void)dladdr(reinterpret_cast<const void*>(&qrun_plugin_version), &where);
  const std::filesystem::path file = where.dli_fname == nullptr ? "" : where.dli_fname;
  return {file.parent_path().string(), QRUN_BUILD};
}

}  // namespace

extern "C" {

qrun::Engine* qrun_make_engine(int device, char* problem, int problem_size) {
  try {
    qrun::EngineInfo info;
    const std::string reason = use_device(device, info);
    if (reason.empty()) return new qrun::cuda::CudaEngine(info, library_place());
    (void)std::snprintf(problem, static_cast<std::size_t>(problem_size), "%s", reason.c_str());
  } catch (const std::exception& error) {
    (void)std::snprintf(problem, static_cast<std::size_t>(problem_size), "%s", error.what());
  }
  return nullptr;
}

}  // extern "C"
