// Ops of a plan to launches.
#pragma once

#include "cuda/memory.h"

namespace qrun::cuda {

/// Submits ops for the runs from `first` on; what a batch of n images needs lies in the memory.
class Submitter {
 public:
  Submitter(const PackMemory& memory, const Scope& scope, int first, const Rate* rates)
      : memory_(memory), scope_(scope), first_(first), rates_(rates) {}

  /// Whole phases are submitted, in order: a product may do a part of the op behind it.
  void fuse() { fused_ = true; }
  /// Gradients of weights, which nothing waits for before the update, go to a branch; the caller joins it.
  void branch_off(const Stream& main, Branch& branch) {
    main_ = &main;
    branch_ = &branch;
  }

  /// Says where predictions and ranks of labels of a test go: each [run][items], this batch from `at` on.
  void predict(std::int32_t* predictions, std::int32_t* ranks, std::int64_t items, std::int64_t at) {
    predictions_ = predictions;
    ranks_ = ranks;
    items_ = items;
    first_item_ = at;
  }

  /// Submits two ops that follow each other as one launch, where there is one for them; false where there is none.
  [[nodiscard]] bool both(const Op& op, const Op& next) const;

  void operator()(const QuantizeParamOp& op) const;
  void operator()(const QuantizeParamBackwardOp& op) const;
  void operator()(const Conv2dOp& op) const;
  void operator()(const Conv2dBackwardDataOp& op) const;
  void operator()(const Conv2dBackwardWeightOp& op) const;
  void operator()(const LinearOp& op) const;
  void operator()(const LinearBackwardDataOp& op) const;
  void operator()(const LinearBackwardWeightOp& op) const;
  void operator()(const MaxPool2dOp& op) const;
  void operator()(const MaxPool2dBackwardOp& op) const;
  void operator()(const AvgPool2dOp& op) const;
  void operator()(const AvgPool2dBackwardOp& op) const;
  void operator()(const ReluOp& op) const;
  void operator()(const ReluBackwardOp& op) const;
  void operator()(const ActivationOp& op) const;
  void operator()(const ActivationBackwardOp& op) const;
  void operator()(const BatchNormMomentsOp& op) const;
  void operator()(const BatchNormOp& op) const;
  void operator()(const BatchNormBackwardWeightOp& op) const;
  void operator()(const BatchNormBackwardDataOp& op) const;
  void operator()(const ChannelScaleOp& op) const;
  void operator()(const ChannelScaleBackwardWeightOp& op) const;
  void operator()(const ChannelScaleBackwardDataOp& op) const;
  void operator()(const SoftmaxOp& op) const;
  void operator()(const SoftmaxBackwardOp& op) const;
  void operator()(const LrnOp& op) const;
  void operator()(const LrnBackwardOp& op) const;
  void operator()(const DropoutOp& op) const;
  void operator()(const DropoutBackwardOp& op) const;
  void operator()(const EltwiseOp& op) const;
  void operator()(const EltwiseBackwardOp& op) const;
  void operator()(const ConcatOp& op) const;
  void operator()(const ConcatBackwardOp& op) const;
  void operator()(const QuantizeOp& op) const;
  void operator()(const QuantizeBackwardOp& op) const;
  void operator()(const QuantizeMaxPool2dOp& op) const;
  void operator()(const QuantizeMaxPool2dBackwardOp& op) const;
  void operator()(const SumGradientsOp& op) const;
  void operator()(const SoftmaxCrossEntropyOp& op) const;
  void operator()(const AccumulateGradientOp& op) const;
  void operator()(const MeanGradientOp& op) const;
  void operator()(const ClipGradientsOp& op) const;
  void operator()(const UpdateOp& op) const;

 private:
  void quantize_and_relu(const QuantizeOp& quantize, const ReluOp& relu) const;
  void relu_and_quantize_backward(const ReluBackwardOp& relu, const QuantizeBackwardOp& quantize) const;
  void drop_out(DropoutId id, std::int64_t size, Tensor x, Tensor y) const;
  [[nodiscard]] Fitting fitting(SlotId slot) const;
  void fit(SlotId slot, BufferId x) const;

  const PackMemory& memory_;
  Scope scope_;
  int first_;
  const Rate* rates_;
  bool fused_ = false;
  const Stream* main_ = nullptr;
  Branch* branch_ = nullptr;
  std::int32_t* predictions_ = nullptr;
  std::int32_t* ranks_ = nullptr;
  std::int64_t items_ = 0, first_item_ = 0;
};

}  // namespace qrun::cuda
