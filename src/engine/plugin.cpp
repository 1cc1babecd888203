#include "engine/plugin.h"

#include <dlfcn.h>

#include <array>
#include <filesystem>

namespace qrun {

EngineProbe open_cuda_engine(const std::string& folder, const std::string& build, int device) {
  std::string path;
  for (const std::string& candidate : {folder + "/" + kCudaPlugin, folder + "/../lib/" + kCudaPlugin}) {
    if (path.empty() && std::filesystem::exists(candidate)) path = candidate;
  }
  if (path.empty())
    return {nullptr,
            std::string("cuda: no ") + kCudaPlugin + " beside the program; this build has the CPU engine only"};
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);  // never closed: engines live in it
  if (library == nullptr) return {nullptr, std::string("cuda: ") + dlerror()};
  using Version = const char* (*)();
  using Make = Engine* (*)(int, char*, int);
  const auto plugin_version = reinterpret_cast<Version>(dlsym(library, "qrun_plugin_version"));
  const auto make = reinterpret_cast<Make>(dlsym(library, "qrun_make_engine"));
  if (plugin_version == nullptr || make == nullptr) return {nullptr, "cuda: " + path + " is not a plug-in of qrun"};
  if (build != plugin_version()) {
    return {nullptr, "cuda: " + path + " belongs to version " + plugin_version() + ", this is " + build +
                         "; build and install both together"};
  }
  std::array<char, 512> problem{};
  std::unique_ptr<Engine> engine(make(device, problem.data(), static_cast<int>(problem.size())));
  if (!engine) return {nullptr, std::string("cuda: ") + problem.data()};
  return {std::move(engine), ""};
}

}  // namespace qrun
