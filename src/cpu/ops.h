// One function for each op of the Plan.
#pragma once

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
};

void run(const QuantizeParamOp& op, Context& context);
void run(const Conv2dOp& op, Context& context);
void run(const Conv2dBackwardDataOp& op, Context& context);
void run(const Conv2dBackwardWeightOp& op, Context& context);
void run(const LinearOp& op, Context& context);
void run(const LinearBackwardDataOp& op, Context& context);
void run(const LinearBackwardWeightOp& op, Context& context);
void run(const MaxPool2dOp& op, Context& context);
void run(const MaxPool2dBackwardOp& op, Context& context);
void run(const AvgPool2dOp& op, Context& context);
void run(const AvgPool2dBackwardOp& op, Context& context);
void run(const ReluOp& op, Context& context);
void run(const ReluBackwardOp& op, Context& context);
void run(const QuantizeOp& op, Context& context);
void run(const QuantizeBackwardOp& op, Context& context);
void run(const QuantizeMaxPool2dOp& op, Context& context);
void run(const QuantizeMaxPool2dBackwardOp& op, Context& context);
void run(const SoftmaxCrossEntropyOp& op, Context& context);
void run(const UpdateOp& op, Context& context);

/// Fits the quantizer of an activation slot to the batch, or to its range; notes divergence where x is not finite.
void fit_activation(SlotId slot, Context& context);

/// db[o] = sum over the batch and the plane of dy, one task a filter. dy is [block][outputs][plane][16].
void bias_gradient(const float* dy, std::int64_t block_size, std::int64_t plane, std::int64_t blocks, std::int64_t o,
                   float* db);

}  // namespace qrun::cpu
