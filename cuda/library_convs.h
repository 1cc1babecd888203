// Which convolutions of a plan a library computes, and what it takes for that.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "cuda/conv_library.h"
#include "cuda/kernels.h"
#include "cuda/runtime.h"
#include "engine/engine.h"
#include "plan/plan.h"

namespace qrun::cuda {

/// The gradients of weights, which run beside the rest, have a handle and a workspace of their own. Each run of the pack
/// is a call of its own, so that it gets what it gets alone.
class LibraryConvs {
 public:
  /// Opens the library where the plan's `products` wants it for a convolution. Throws EnvironmentError where
  /// `products: cudnn` does and there is none.
  LibraryConvs(const Plan& plan, const LibraryPlace& place);

  [[nodiscard]] const ProductPaths& paths() const { return paths_; }
  [[nodiscard]] bool empty() const { return paths_.text.empty(); }

  /// Submits a direction of a convolution to the scope's stream, without bias; false where it is the engine's own to
  /// compute. A batch that is neither the plan's in training nor in a test is.
  [[nodiscard]] bool run(Direction direction, const Scope& scope, const ConvShape& s,
                         const ConvOperands& operands) const;

 private:
  struct Handle {
    std::unique_ptr<ConvLibrary> convs;
    DeviceArray<unsigned char> workspace;
  };
  struct Entry {
    LibraryConv conv;
    std::optional<LibraryPath> path;  // nothing: the engine's own
  };
  [[nodiscard]] static std::size_t handle_of(Direction direction) { return direction == Direction::kWeight ? 1 : 0; }
  [[nodiscard]] bool open(const Plan& plan, const LibraryPlace& place);
  const Entry& choose(const LibraryConv& conv, bool wanted);

  std::array<Handle, 2> handles_;
  std::vector<Entry> entries_;
  ProductPaths paths_;
};

}  // namespace qrun::cuda
