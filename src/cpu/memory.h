// What one run of a pack holds: parameters, buffers in the engine's layout, and where its numbers went wrong.
#pragma once

#include <hwy/aligned_allocator.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "core/sizes.h"
#include "cpu/kernels/kernels.h"
#include "engine/engine.h"
#include "math/batch_norm.h"
#include "plan/plan.h"

namespace qrun::cpu {

/// Aligned floats (or 32-bit integers) of fixed size, zero at the start, touched once so that no loop pays for page
/// faults.
template <class T>
class Array {
 public:
  Array() = default;
  explicit Array(std::int64_t n);
  [[nodiscard]] T* data() { return data_.get(); }
  [[nodiscard]] const T* data() const { return data_.get(); }
  [[nodiscard]] std::int64_t size() const { return size_; }

 private:
  hwy::AlignedFreeUniquePtr<T[]> data_;
  std::int64_t size_ = 0;
};

/// Blocks of 16 images that hold n.
[[nodiscard]] inline std::int64_t blocks_of(std::int64_t n) { return ceil_div(n, kLanes); }

/// Images in use in block `block` of a batch of n: 16 but for the last.
[[nodiscard]] inline std::int64_t valid_lanes(std::int64_t n, std::int64_t block) {
  const std::int64_t left = n - block * kLanes;
  return left < kLanes ? left : kLanes;
}

/// Values [block][c][h][w][16], and the gradient of the loss in them.
struct BufferMemory {
  Array<float> value, gradient;
};

struct ParamMemory {
  Array<float> master, value, gradient;  // as the blob is shaped
  Array<float> history[2];
  Array<float> sum;             // of gradients, over the batches of an iteration that has several; 0 between iterations
  std::vector<QParams> params;  // of the last quantization: one, or one a channel; empty without quantizer
  bool given = false;           // values were handed in: no quantizing until the next training

  /// What the network computes with: the master itself where nothing is quantized.
  [[nodiscard]] Array<float>& current() { return params.empty() && !given ? master : value; }
};

struct RunMemory {
  RunMemory(const Plan& plan, int run);

  const Plan& plan;
  const RunSettings& settings;
  std::vector<BufferMemory> buffers;
  std::vector<ParamMemory> params;
  std::vector<std::vector<double>> statistics;
  std::vector<QParams> fits;                             // [slot]: of the last batch
  std::vector<Array<std::int32_t>> argmax;               // [buffer]: of the max pooling that writes it
  std::vector<Array<float>> moments, moments_gradients;  // [buffer]: of the batch norm that writes it, [2][c]
  Array<float> scratch;                                  // padded or transposed copies, within one op
  std::vector<Sums> partial;                             // sums of pieces, added in order
  std::vector<std::int32_t> labels;                      // of the batch
  std::int64_t iteration = 0;
  std::int64_t batch = 0;  // of the iteration
  double loss = 0;         // mean over the last batch
  std::optional<Divergence> divergence;

  [[nodiscard]] BufferMemory& buffer(BufferId id) { return buffers[static_cast<std::size_t>(id)]; }
  [[nodiscard]] ParamMemory& param(ParamId id) { return params[static_cast<std::size_t>(id)]; }
  [[nodiscard]] QParams& fit_of(SlotId id) { return fits[static_cast<std::size_t>(id)]; }
  [[nodiscard]] double& range(SlotId id) {
    return statistics[static_cast<std::size_t>(plan.activations[static_cast<std::size_t>(id)].range)][0];
  }
  [[nodiscard]] std::vector<double>& statistic(StatisticId id) { return statistics[static_cast<std::size_t>(id)]; }
  [[nodiscard]] ChannelMoments moments_of(BufferId id, std::int64_t channel) const {
    const Array<float>& both = moments[static_cast<std::size_t>(id)];
    return {both.data()[channel], both.data()[both.size() / 2 + channel]};
  }
  [[nodiscard]] const Shape& shape(BufferId id) const { return plan.buffers[static_cast<std::size_t>(id)].shape; }

  /// Returns at least n floats, kept between calls; contents are the caller's.
  [[nodiscard]] float* scratch_floats(std::int64_t n);

  /// Notes where the run's numbers stopped being finite, the first time.
  void diverge(const std::string& layer, const std::string& what);
};

/// Writes logical [n, c, h, w] from blocks; to_blocks() writes one block of them. `size` is c h w.
template <class T>
void from_blocks(const T* blocks, std::int64_t size, std::int64_t n, float* logical);
template <class T>
void to_blocks(const float* logical, std::int64_t size, std::int64_t n, std::int64_t block, T* blocks);

}  // namespace qrun::cpu
