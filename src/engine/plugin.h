// The CUDA engine is a library of its own, opened when it is asked for: the program itself runs on any machine.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"

namespace qrun {

inline constexpr const char* kCudaPlugin = "libqrun_cuda.so";

/// An engine, or the reason why there is none: one line for the user.
struct EngineProbe {
  std::unique_ptr<Engine> engine;
  std::string problem;
};

/// Looks for the plug-in in `folder` and in its ../lib, and refuses one that is not of this `build`: version and
/// commit, for whole structs cross the border. The plug-in exports
///   const char* qrun_plugin_version();  // of its build
///   qrun::Engine* qrun_make_engine(int device, char* problem, int problem_size);  // nullptr, with a line in `problem`
[[nodiscard]] EngineProbe open_cuda_engine(const std::string& folder, const std::string& build, int device);

}  // namespace qrun
