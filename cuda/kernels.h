// What the engine's kernels do, as host functions that submit them to a stream.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "core/sizes.h"
#include "cuda/state.h"
#include "engine/feed.h"
#include "plan/ops.h"

namespace qrun::cuda {

class LibraryConvs;

/// The runs a launch is for: all pointers and tensors handed in are those of the first of them.
struct Scope {
  cudaStream_t stream = nullptr;
  int runs = 1;
  std::int64_t n = 0;  // images of the batch
  bool training = true;
  bool tf32 = false;                         // products may round their factors so
  int processors = 1;                        // multiprocessors of the device
  const LibraryConvs* by_library = nullptr;  // computes some convolutions
};

/// Space for sums of pieces, and counters and maxima at zero, for one launch at a time.
struct Workspace {
  Sums* partials = nullptr;
  unsigned* counters = nullptr;
  unsigned* maxima = nullptr;  // [run], bits of |v|
};

/// Values of a tensor in one run at most, so that 32 bits hold every index of its grid.
inline constexpr std::int64_t kLargest = 0x7fffff00;

/// Values of which one block sums, in statistics: eight a thread, so that even one run has blocks for every
/// multiprocessor.
inline constexpr std::int64_t kPiece = 2048;

/// Returns how many sums of each run a launch leaves that sums channels: one of each piece of each channel's values.
[[nodiscard]] inline std::int64_t channel_sums(const Shape& s, std::int64_t n) {
  return s.c * ceil_div(n * s.h * s.w, kPiece);
}

/// A slot whose quantizer is fitted to a layer's output.
struct Fitting {
  ActivationState* states = nullptr;  // of the runs of the launch; nullptr: no slot
  RunControl* control = nullptr;      // notes `place` where the output is not finite
  std::int32_t place = 0;
  bool training = false;
  bool has_maxima = false;  // the product that wrote the output has fitted what needs its maximum only
  Workspace workspace;
};

/// Space for sums of which several blocks make a piece each, and counters at zero, for one product at a time.
struct PieceSpace {
  float* sums = nullptr;
  unsigned* counters = nullptr;
};

/// How much of a PieceSpace products take, for each run.
struct PieceNeeds {
  std::int64_t sums = 0, counters = 0;
  void grow(const PieceNeeds& other) {
    sums = std::max(sums, other.sums);
    counters = std::max(counters, other.counters);
  }
};

/// A value of a filter, with its row and column in the window: forward and for weights each (c / groups, ky, kx) with its
/// offset in the padded input; for dx each (o / groups, ky, kx) with the offset of o's plane in the output.
struct alignas(16) Tap {
  int offset = 0, row = 0, column = 0, unused = 0;
};

// Convolution; a matrix product is the convolution of one pixel. Sums run over (c, ky, kx) in order, those of long
// products in pieces that are added in order: where they are cut depends on the shape alone.
struct ConvOperands {
  Tensor x, y;                // of the gradients: dx, dy
  Tensor w, b;                // b.data may be nullptr
  const Tap* taps = nullptr;  // not of a matrix product
  PieceSpace space;
};
/// Computes y; with a slot, quantizers that need the output's maximum are fitted to it in the same launch.
void conv2d(const Scope& scope, const ConvShape& s, const ConvOperands& operands, const Fitting& fitting);
void conv2d_backward_data(const Scope& scope, const ConvShape& s, const ConvOperands& operands);
void conv2d_backward_weight(const Scope& scope, const ConvShape& s, const ConvOperands& operands);
[[nodiscard]] PieceNeeds conv2d_needs(const ConvShape& s, std::int64_t n);
[[nodiscard]] PieceNeeds conv2d_backward_data_needs(const ConvShape& s, std::int64_t n);
[[nodiscard]] PieceNeeds conv2d_backward_weight_needs(const ConvShape& s, std::int64_t n);

// What a library's convolution leaves to do.
/// y += b, where there is one; fits the slot as conv2d() does.
void add_bias(const Scope& scope, const ConvShape& s, Tensor y, Tensor b, const Fitting& fitting);
void bias_gradient(const Scope& scope, const ConvShape& s, Tensor dy, Tensor db);

void relu(const Scope& scope, std::int64_t size, Tensor x, Tensor y);
void relu_backward(const Scope& scope, std::int64_t size, Tensor y, Tensor dy, Tensor dx);
void avg_pool2d(const Scope& scope, const PoolShape& s, bool count_include_pad, Tensor x, Tensor y);
void avg_pool2d_backward(const Scope& scope, const PoolShape& s, bool count_include_pad, Tensor dy, Tensor dx);

/// sum = a + b; `sum` may be one of them.
void add_gradients(const Scope& scope, std::int64_t size, Tensor a, Tensor b, Tensor sum);

/// Positions of the maxima, in their plane; shaped and strided like y.
struct Argmax {
  std::int32_t* data = nullptr;
  std::int64_t stride = 0;
};
/// Quantizes x first where `states` is given.
void max_pool2d(const Scope& scope, const PoolShape& s, Tensor x, Tensor y, Argmax argmax,
                const ActivationState* states);
/// Masks what saturates where `states` is given and says so.
void max_pool2d_backward(const Scope& scope, const PoolShape& s, Tensor x, Tensor dy, Argmax argmax, Tensor dx,
                         const ActivationState* states);

// Quantizers of activations. `size` is that of one image.
/// Fits the slot's parameters to x; `passes`: over x, as many as some run's statistic needs.
void fit_activation(const Scope& scope, std::int64_t size, Tensor x, const Fitting& fitting, int passes);
void quantize(const Scope& scope, std::int64_t size, Tensor x, Tensor y, const ActivationState* states);
void quantize_backward(const Scope& scope, std::int64_t size, Tensor x, Tensor dy, Tensor dx,
                       const ActivationState* states);
/// quantize() to q and relu() of that to y, in one launch; and their gradients.
void quantize_relu(const Scope& scope, std::int64_t size, Tensor x, Tensor q, Tensor y, const ActivationState* states);
void quantize_relu_backward(const Scope& scope, std::int64_t size, Tensor x, Tensor y, Tensor dy, Tensor dq, Tensor dx,
                            const ActivationState* states);

/// Parameters cut into pieces. Here runs count from the pack's first, whatever the scope.
struct ParamTable {
  const Piece* all_pieces = nullptr;  // of the pack
  const Piece* pieces = nullptr;      // those of the launch
  int count = 0;
  const Slice* slices = nullptr;  // of the pack
  ParamState* states = nullptr;   // [run][param] of the pack
  int params = 0;
  RunControl* control = nullptr;  // [run] of the pack

  [[nodiscard]] QRUN_HD ParamState& state_of(const Piece& piece) const {
    return states[static_cast<std::int64_t>(piece.run) * params + piece.param];
  }
};
/// Turns masters into values: statistics, parameters, codes. `passes`: over masters, as many as some run's statistic
/// needs; nothing is launched where it is 0.
void quantize_params(cudaStream_t stream, const ParamTable& table, int passes, Workspace workspace);
/// Gradients of masters that saturate become 0, where their run masks them.
void quantize_params_backward(cudaStream_t stream, const ParamTable& table);
/// Sums of gradients, over the batches of an iteration; their mean in place of the gradients, and sums of 0.
void accumulate_gradients(cudaStream_t stream, const ParamTable& table);
void mean_gradients(cudaStream_t stream, const ParamTable& table, std::int64_t batches);
/// Gradients of each run times the factor that their norm leaves.
struct ClipOperands {
  const int* piece_begin = nullptr;     // [run][param] of the pack, and the end
  const RunNumbers* numbers = nullptr;  // [run] of the pack, as the next two
  float* factors = nullptr;
  Sums* partials = nullptr;  // [piece]
  int first = 0, runs = 1;   // of the launch
};
void clip_gradients(cudaStream_t stream, const ParamTable& table, const ClipOperands& operands);
/// One solver step; rates are [step][run] of the pack.
void update_params(cudaStream_t stream, const ParamTable& table, const Rate* rates, int runs);

/// Images and labels of a batch, from sets on the device. In training `order` names the items, [run][step][batch][n] of
/// steps and `batches` of each that are counted in `control`; in a test they are those from `first` on.
struct GatherOperands {
  const DataSource* sources = nullptr;  // [run]
  const std::int32_t* order = nullptr;
  std::int64_t order_stride = 0;
  std::int64_t batches = 1;
  std::int64_t first = 0;
  const RunControl* control = nullptr;
  Tensor images;
  std::int32_t* labels = nullptr;  // [run][labels_stride]
  std::int64_t labels_stride = 0;
};
void gather(const Scope& scope, const Shape& image, const GatherOperands& operands);

/// Loss, its gradient in training; predictions and ranks of labels where they are given ([run][items], from `first` on).
struct LossOperands {
  Tensor x, dx;
  const std::int32_t* labels = nullptr;  // [run][labels_stride]
  std::int64_t labels_stride = 0;
  const RunNumbers* numbers = nullptr;  // [run]
  RunControl* control = nullptr;
  std::int32_t place = 0;
  std::int32_t* predictions = nullptr;
  std::int32_t* ranks = nullptr;
  std::int64_t items = 0, first = 0;
};
void softmax_cross_entropy(const Scope& scope, std::int64_t classes, const LossOperands& operands);

/// Adds up the loss of a batch, of an iteration that has several.
void end_batch(const Scope& scope, RunControl* control);
/// Notes the loss, the mean over `batches`, and counts the iteration of every run that has not diverged. losses:
/// [run][stride].
void end_iteration(const Scope& scope, RunControl* control, std::int64_t batches, float* losses, std::int64_t stride);

}  // namespace qrun::cuda
