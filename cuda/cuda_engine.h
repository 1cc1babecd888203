// The CUDA engine: packs whose runs share every launch. src/engine/plugin.h says how the program finds it.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "cuda/program.h"

namespace qrun::cuda {

class CudaEngine : public Engine {
 public:
  CudaEngine(EngineInfo info, LibraryPlace place) : info_(std::move(info)), place_(std::move(place)) {}
  [[nodiscard]] EngineInfo info() const override { return info_; }
  [[nodiscard]] LibraryInfo product_library() const override {
    const LibraryProbe probe = open_cudnn(place_);
    return {probe.convs ? probe.convs->name() : "", probe.problem};
  }
  /// Throws Error where the device's memory does not hold the pack.
  std::unique_ptr<Program> load(const Plan& plan, std::vector<RunFeeds> feeds) override {
    return std::make_unique<CudaProgram>(plan, std::move(feeds), place_);
  }

 private:
  EngineInfo info_;
  LibraryPlace place_;
};

}  // namespace qrun::cuda
