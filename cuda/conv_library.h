// A library of convolutions behind a plug-in of this plug-in, so that a machine without the library still trains.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "plan/op_shapes.h"

namespace qrun::cuda {

/// What is computed: y; dx, from y's gradient; dw, from x and y's gradient.
enum class Direction : std::uint8_t { kForward, kData, kWeight };

/// One direction of a convolution of n images.
struct LibraryConv {
  ConvShape s;
  std::int64_t n = 0;
  Direction direction = Direction::kForward;
  bool tf32 = false;  // factors may be rounded so
  bool operator==(const LibraryConv&) const = default;
};

/// How the library computes one direction of a convolution.
struct LibraryPath {
  int id = 0;                  // for run()
  std::string text;            // algorithm and math: 1/fma
  std::int64_t workspace = 0;  // bytes
};

/// Operands of one run: images, filters and outputs as the engine has them; the gradients of those that the direction
/// is about.
struct LibraryOperands {
  float *x = nullptr, *w = nullptr, *y = nullptr;
  void* workspace = nullptr;
};

/// A handle of the library, on the device of the thread that opened it and for one stream at a time.
class ConvLibrary {
 public:
  virtual ~ConvLibrary() = default;
  [[nodiscard]] virtual std::string name() const = 0;  // with its version
  /// Returns the first of the library's own answers that always gives the same bits, sums products as they are (no
  /// transforms) in the arithmetic asked for, and takes kLargestWorkspace at most; nothing where there is none. A
  /// function of the convolution, the device and the library's version: nothing is timed, and no free memory looked at.
  [[nodiscard]] virtual std::optional<LibraryPath> choose(const LibraryConv& conv) = 0;
  /// Returns all that the library answers, in its order, for people: `1/fma 36K, 7/fma transform 36K`.
  [[nodiscard]] virtual std::string answers(const LibraryConv& conv) const = 0;
  /// Submits the convolution of this LibraryPath::id; overwrites what the direction is about. Throws EnvironmentError
  /// where the library refuses.
  virtual void run(int id, cudaStream_t stream, const LibraryOperands& operands) = 0;
};

inline constexpr std::int64_t kLargestWorkspace = std::int64_t{256} << 20;  // bytes

inline constexpr const char* kCudnnPlugin = "libqrun_cudnn.so";

/// Where the plug-in is looked for, and the build it must be of.
struct LibraryPlace {
  std::string folder, build;
};

/// A library, or the reason why there is none: one line for the user.
struct LibraryProbe {
  std::unique_ptr<ConvLibrary> convs;
  std::string problem;
};

/// Opens the plug-in as src/engine/plugin.h says; it also exports
///   qrun::cuda::ConvLibrary* qrun_make_library(char* problem, int problem_size);  // nullptr, with a line in `problem`
[[nodiscard]] LibraryProbe open_cudnn(const LibraryPlace& place);

}  // namespace qrun::cuda
