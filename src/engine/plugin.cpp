#include "engine/plugin.h"

#include <dlfcn.h>

#include <array>
#include <filesystem>

namespace qrun {

PluginProbe open_plugin(const PluginFile& file, const std::string& folder, const std::string& build) {
  const std::string what = std::string(file.what) + ": ";
  std::string path;
  for (const std::string& candidate : {folder + "/" + file.name, folder + "/../lib/" + file.name}) {
    if (path.empty() && std::filesystem::exists(candidate)) path = candidate;
  }
  if (path.empty()) return {nullptr, what + "no " + file.name + " beside the program; " + file.without};
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);  // never closed: what it makes lives in it
  if (library == nullptr) return {nullptr, what + dlerror()};
  using Version = const char* (*)();
  const auto version = reinterpret_cast<Version>(dlsym(library, "qrun_plugin_version"));
  if (version == nullptr) return {nullptr, what + path + " is not a plug-in of qrun"};
  if (build != version()) {
    return {nullptr, what + path + " belongs to version " + version() + ", this is " + build +
                         "; build and install both together"};
  }
  return {library, ""};
}

EngineProbe open_cuda_engine(const std::string& folder, const std::string& build, int device) {
  const PluginProbe plugin = open_plugin({"cuda", kCudaPlugin, "this build has the CPU engine only"}, folder, build);
  if (plugin.handle == nullptr) return {nullptr, plugin.problem};
  using Make = Engine* (*)(int, char*, int);
  const auto make = reinterpret_cast<Make>(dlsym(plugin.handle, "qrun_make_engine"));
  if (make == nullptr) return {nullptr, std::string("cuda: ") + kCudaPlugin + " makes no engine"};
  std::array<char, 512> problem{};
  std::unique_ptr<Engine> engine(make(device, problem.data(), static_cast<int>(problem.size())));
  if (!engine) return {nullptr, std::string("cuda: ") + problem.data()};
  return {std::move(engine), ""};
}

}  // namespace qrun
