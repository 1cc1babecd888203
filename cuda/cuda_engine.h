// The CUDA engine: packs whose runs share every launch. src/engine/plugin.h says how the program finds it.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "cuda/program.h"

namespace qrun::cuda {

class CudaEngine : public Engine {
 public:
  explicit CudaEngine(EngineInfo info) : info_(std::move(info)) {}
  [[nodiscard]] EngineInfo info() const override { return info_; }
  /// Throws Error where the device's memory does not hold the pack.
  std::unique_ptr<Program> load(const Plan& plan, std::vector<RunFeeds> feeds) override {
    return std::make_unique<CudaProgram>(plan, std::move(feeds));
  }

 private:
  EngineInfo info_;
};

}  // namespace qrun::cuda
