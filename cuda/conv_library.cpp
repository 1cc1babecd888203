#include "cuda/conv_library.h"

#include <dlfcn.h>

#include <array>

#include "engine/plugin.h"

namespace qrun::cuda {

LibraryProbe open_cudnn(const LibraryPlace& place) {
  const PluginProbe plugin =
      open_plugin({"cudnn", kCudnnPlugin, "this build was made without cuDNN"}, place.folder, place.build);
  if (plugin.handle == nullptr) return {nullptr, plugin.problem};
  using Make = ConvLibrary* (*)(char*, int);
  const auto make = reinterpret_cast<Make>(dlsym(plugin.handle, "qrun_make_library"));
  if (make == nullptr) return {nullptr, std::string("cudnn: ") + kCudnnPlugin + " makes no library"};
  std::array<char, 512> problem{};
  std::unique_ptr<ConvLibrary> convs(make(problem.data(), static_cast<int>(problem.size())));
  if (!convs) return {nullptr, std::string("cudnn: ") + problem.data()};
  return {std::move(convs), ""};
}

}  // namespace qrun::cuda
