// What lives on the device beside tensors: plain structs that host and kernels share. Arrays over runs are [run].
#pragma once

#include <cstdint>

#include "core/hd.h"
#include "math/solver.h"
#include "quant/quantizer.h"

namespace qrun::cuda {

inline constexpr unsigned long long kNowhere = ~0ULL;

/// A run's place, and what its last batch gave.
struct RunControl {
  std::int64_t iteration = 0;              // done
  unsigned long long diverged = kNowhere;  // where its numbers stopped being finite first: iteration << 32 | place
  std::int32_t step = 0;                   // iterations done since rates were uploaded
  double loss = 0;                         // mean over the batch
  double test_loss = 0;                    // sum over the items tested
  double loss_sum = 0;                     // over the batches of an iteration that has several
  std::int32_t batch = 0;                  // of the iteration

  [[nodiscard]] std::int64_t diverged_at() const { return static_cast<std::int64_t>(diverged >> 32); }
  [[nodiscard]] std::int32_t diverged_place() const { return static_cast<std::int32_t>(diverged & 0xffffffffU); }
};

/// What a run says that is of no blob.
struct RunNumbers {
  double label_smoothing = 0;
  double clip_gradients = 0;  // 0: no limit
};

/// Numbers of the places where a run may diverge, in the order of an iteration: parameters, activations, statistics of
/// batch norms, the loss.
struct Places {
  std::int32_t params = 0, activations = 0, statistics = 0;
  [[nodiscard]] std::int32_t activation(std::int32_t slot) const { return params + slot; }
  [[nodiscard]] std::int32_t statistic(std::int32_t id) const { return params + activations + id; }
  [[nodiscard]] std::int32_t loss() const { return params + activations + statistics; }
};

/// True where a statistic takes two passes over the values.
[[nodiscard]] QRUN_HD bool takes_two_passes(Stat needs) { return needs == Stat::kTernary; }

/// A slot in one run.
struct ActivationState {
  QuantSettings settings;
  Stat needs = Stat::kMaxAbs;
  double range = -1;  // moving average of max|x|; negative before the first training batch
  QStats stats;       // of the last batch
  QParams params;
};

/// A parameter blob in one run. A blob has `slices` parts with statistics of their own: one, or one an output channel.
struct ParamState {
  QuantSettings quant;
  Stat needs = Stat::kMaxAbs;
  SolverType solver = SolverType::kSgd;
  UpdateParams update{};  // but for the rate
  double lr_mult = 1;
  std::int64_t size = 0;
  std::int64_t slices = 1;
  std::int32_t given = 0;  // values were handed in: no quantizing until the next training
  float* master = nullptr;
  float* value = nullptr;  // what the network computes with; equal to the master without quantizer
  float* gradient = nullptr;
  float* sum = nullptr;  // of gradients, over the batches of an iteration that has several
  float* history[2] = {nullptr, nullptr};
  QStats* stats = nullptr;    // [slice], of the last quantization
  QParams* params = nullptr;  // [slice]
};

/// A part of a blob that one block works on; a piece lies within one slice.
struct Piece {
  std::int32_t run = 0, param = 0;
  std::int32_t slice = 0;  // index into the pack's slices
  std::int32_t n = 0;      // values
  std::int64_t begin = 0;  // in the blob
};

struct Slice {
  std::int32_t first_piece = 0, pieces = 0;
  std::int32_t index = 0;  // in its blob
  std::int64_t n = 0;      // values
};

/// Two sums that go together; which depends on the statistic.
struct Sums {
  double sum, other;
};

/// Values of one run, [n][c][h][w], and where those of the next one begin.
struct Tensor {
  float* data = nullptr;
  std::int64_t stride = 0;
};

}  // namespace qrun::cuda
