// The CUDA engine is a library of its own, opened when it is asked for: the program itself runs on any machine. So is,
// for the CUDA engine, what computes products with cuDNN.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"

namespace qrun {

inline constexpr const char* kCudaPlugin = "libqrun_cuda.so";

/// Runs that fill a GPU: LeNet's launches are all large then, and its iteration no longer waits for them.
inline constexpr int kDevicePack = 64;

/// A library that is opened while the program runs.
struct PluginFile {
  const char* what;     // in messages
  const char* name;     // of the file
  const char* without;  // what a build lacks that has none
};

/// An open plug-in, as dlopen() gives it, or the reason why there is none: one line for the user.
struct PluginProbe {
  void* handle = nullptr;
  std::string problem;
};

/// Looks for the plug-in in `folder` and in its ../lib, and refuses one that is not of this `build`: version and
/// commit, for whole structs cross the border. It is never closed. The plug-in exports
///   const char* qrun_plugin_version();  // of its build
[[nodiscard]] PluginProbe open_plugin(const PluginFile& file, const std::string& folder, const std::string& build);

/// An engine, or the reason why there is none: one line for the user.
struct EngineProbe {
  std::unique_ptr<Engine> engine;
  std::string problem;
};

/// Opens the plug-in, which also exports
///   qrun::Engine* qrun_make_engine(int device, char* problem, int problem_size);  // nullptr, with a line in `problem`
[[nodiscard]] EngineProbe open_cuda_engine(const std::string& folder, const std::string& build, int device);

}  // namespace qrun
