// One function for each op of the Plan.
#pragma once

#include <algorithm>

#include "core/sizes.h"
#include "cpu/kernels/kernels.h"
#include "cpu/memory.h"
#include "cpu/workers.h"
#include "plan/ops.h"

namespace qrun::cpu {

/// What an op runs on: one run's memory, a batch of `n` images, and the threads it may use.
struct Context {
  const Kernels& kernels;
  Workers& workers;
  RunMemory& run;
  std::int64_t n = 0;
  bool training = true;

  [[nodiscard]] std::int64_t blocks() const { return blocks_of(n); }
  /// Floats of a buffer that the batch takes, padded images among them.
  [[nodiscard]] std::int64_t floats(BufferId id) const { return blocks() * run.shape(id).size() * kLanes; }
};

inline constexpr std::int64_t kPiece = 1024 * kLanes;  // floats a task of element-wise loops and of statistics

/// Calls `body(begin, n)` for the pieces of `size` floats, spread over the threads.
template <class Body>
void for_pieces(const Context& context, std::int64_t size, const Body& body) {
  context.workers.parallel(ceil_div(size, kPiece), [&](std::int64_t piece) {
    const std::int64_t begin = piece * kPiece;
    body(begin, std::min(kPiece, size - begin));
  });
}

void compute(const QuantizeParamOp& op, Context& context);
void compute(const QuantizeParamBackwardOp& op, Context& context);
void compute(const Conv2dOp& op, Context& context);
void compute(const Conv2dBackwardDataOp& op, Context& context);
void compute(const Conv2dBackwardWeightOp& op, Context& context);
void compute(const LinearOp& op, Context& context);
void compute(const LinearBackwardDataOp& op, Context& context);
void compute(const LinearBackwardWeightOp& op, Context& context);
void compute(const MaxPool2dOp& op, Context& context);
void compute(const MaxPool2dBackwardOp& op, Context& context);
void compute(const AvgPool2dOp& op, Context& context);
void compute(const AvgPool2dBackwardOp& op, Context& context);
void compute(const ReluOp& op, Context& context);
void compute(const ReluBackwardOp& op, Context& context);
void compute(const ActivationOp& op, Context& context);
void compute(const ActivationBackwardOp& op, Context& context);
void compute(const BatchNormMomentsOp& op, Context& context);
void compute(const BatchNormOp& op, Context& context);
void compute(const BatchNormBackwardWeightOp& op, Context& context);
void compute(const BatchNormBackwardDataOp& op, Context& context);
void compute(const ChannelScaleOp& op, Context& context);
void compute(const ChannelScaleBackwardWeightOp& op, Context& context);
void compute(const ChannelScaleBackwardDataOp& op, Context& context);
void compute(const SoftmaxOp& op, Context& context);
void compute(const SoftmaxBackwardOp& op, Context& context);
void compute(const LrnOp& op, Context& context);
void compute(const LrnBackwardOp& op, Context& context);
void compute(const DropoutOp& op, Context& context);
void compute(const DropoutBackwardOp& op, Context& context);
void compute(const EltwiseOp& op, Context& context);
void compute(const EltwiseBackwardOp& op, Context& context);
void compute(const ConcatOp& op, Context& context);
void compute(const ConcatBackwardOp& op, Context& context);
void compute(const QuantizeOp& op, Context& context);
void compute(const QuantizeBackwardOp& op, Context& context);
void compute(const QuantizeMaxPool2dOp& op, Context& context);
void compute(const QuantizeMaxPool2dBackwardOp& op, Context& context);
void compute(const SumGradientsOp& op, Context& context);
void compute(const SoftmaxCrossEntropyOp& op, Context& context);
void compute(const AccumulateGradientOp& op, Context& context);
void compute(const MeanGradientOp& op, Context& context);
void compute(const ClipGradientsOp& op, Context& context);
void compute(const UpdateOp& op, Context& context);

/// Fits the quantizer of an activation slot to the batch, or to its range; notes divergence where x is not finite.
void fit_activation(SlotId slot, Context& context);

/// db[o] = sum over the batch and the plane of dy, one task a filter. dy is [block][outputs][plane][16].
void bias_gradient(const float* dy, std::int64_t block_size, std::int64_t plane, std::int64_t blocks, std::int64_t o,
                   float* db);

}  // namespace qrun::cpu
