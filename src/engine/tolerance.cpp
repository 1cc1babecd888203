#include "engine/tolerance.h"

namespace qrun {
namespace {

constexpr double kScaleRounding = 0x1p-22;  // a scale may differ in its last bits where statistics were added otherwise

struct Describe {
  Tolerance operator()(const QuantizeParamOp& /*op*/) const { return {.relative = kScaleRounding}; }
  Tolerance operator()(const QuantizeParamBackwardOp& /*op*/) const { return {}; }
  Tolerance operator()(const Conv2dOp& op) const { return product(op, op.s.taps() + 1); }
  Tolerance operator()(const LinearOp& op) const { return product(op, op.in + 1); }
  Tolerance operator()(const Conv2dBackwardDataOp& op) const {
    return product(op, op.s.o / op.s.groups * op.s.k.size());
  }
  Tolerance operator()(const LinearBackwardDataOp& op) const { return product(op, op.out); }
  Tolerance operator()(const Conv2dBackwardWeightOp& op) const { return over_batch(op, op.s.out_h() * op.s.out_w()); }
  Tolerance operator()(const LinearBackwardWeightOp& op) const { return over_batch(op, 1); }
  Tolerance operator()(const MaxPool2dOp& /*op*/) const { return {}; }
  Tolerance operator()(const MaxPool2dBackwardOp& op) const { return scatter(op); }
  Tolerance operator()(const AvgPool2dOp& op) const { return {.factors = {Operand::value(op.x)}, .terms = window(op)}; }
  Tolerance operator()(const AvgPool2dBackwardOp& op) const { return scatter(op); }
  Tolerance operator()(const ReluOp& /*op*/) const { return {}; }
  Tolerance operator()(const ReluBackwardOp& /*op*/) const { return {}; }
  Tolerance operator()(const ActivationOp& /*op*/) const { return {.relative = 0x1p-23}; }  // libraries round apart
  Tolerance operator()(const ActivationBackwardOp& /*op*/) const { return {}; }
  Tolerance operator()(const BatchNormMomentsOp& /*op*/) const { return {.terms = 1}; }  // summed in double
  Tolerance operator()(const BatchNormOp& /*op*/) const { return {}; }
  Tolerance operator()(const BatchNormBackwardWeightOp& op) const {
    return {.factors = {Operand::value(op.x), Operand::moments(op.y), Operand::gradient(op.y)}, .terms = 1};
  }
  Tolerance operator()(const BatchNormBackwardDataOp& /*op*/) const { return {}; }
  Tolerance operator()(const ChannelScaleOp& /*op*/) const { return {}; }
  /// Summed in double. Where the sign of x decides what is summed, x is no factor, and all terms have one sign.
  Tolerance operator()(const ChannelScaleBackwardWeightOp& op) const {
    if (op.scaled == Scaled::kNegative) return {.factors = {Operand::gradient(op.y)}, .terms = 1};
    return product(op, 1);
  }
  Tolerance operator()(const ChannelScaleBackwardDataOp& /*op*/) const { return {}; }
  Tolerance operator()(const SoftmaxOp& /*op*/) const { return {.relative = 0x1p-23}; }  // libraries round apart
  Tolerance operator()(const SoftmaxBackwardOp& /*op*/) const { return {}; }
  Tolerance operator()(const LrnOp& /*op*/) const { return {.relative = 0x1p-23}; }  // libraries round powers apart
  Tolerance operator()(const LrnBackwardOp& /*op*/) const { return {.relative = 0x1p-23}; }
  Tolerance operator()(const DropoutOp& /*op*/) const { return {}; }
  Tolerance operator()(const DropoutBackwardOp& /*op*/) const { return {}; }
  Tolerance operator()(const EltwiseOp& /*op*/) const { return {}; }
  Tolerance operator()(const EltwiseBackwardOp& /*op*/) const { return {}; }
  Tolerance operator()(const ConcatOp& /*op*/) const { return {}; }
  Tolerance operator()(const ConcatBackwardOp& /*op*/) const { return {}; }
  Tolerance operator()(const QuantizeOp& /*op*/) const { return {.relative = kScaleRounding}; }
  Tolerance operator()(const QuantizeBackwardOp& /*op*/) const { return {}; }
  Tolerance operator()(const QuantizeMaxPool2dOp& /*op*/) const { return {.relative = kScaleRounding}; }
  Tolerance operator()(const QuantizeMaxPool2dBackwardOp& op) const { return scatter(op); }
  Tolerance operator()(const SumGradientsOp& op) const { return product(op, std::ssize(op.parts)); }
  Tolerance operator()(const SoftmaxCrossEntropyOp& /*op*/) const { return {.relative = 0x1p-22}; }
  Tolerance operator()(const AccumulateGradientOp& /*op*/) const { return {}; }
  Tolerance operator()(const MeanGradientOp& /*op*/) const { return {}; }
  Tolerance operator()(const ClipGradientsOp& /*op*/) const { return {.relative = 0x1p-22}; }  // of the factor
  Tolerance operator()(const UpdateOp& /*op*/) const { return {}; }

 private:
  /// A sum whose terms are linear in all that the op reads.
  static Tolerance product(const Op& op, std::int64_t terms) {
    return {.factors = operands_of(op).reads, .terms = terms};
  }
  static Tolerance over_batch(const Op& op, std::int64_t terms) {
    return {.factors = operands_of(op).reads, .terms = terms, .over_batch = true};
  }
  /// Each value of dx gathers from windows, of which it may be in several. Values that masks look at are no factors.
  template <class Pooling>
  static Tolerance scatter(const Pooling& op) {
    return {.factors = {Operand::gradient(op.y)}, .terms = window(op)};
  }
  template <class Pooling>
  static std::int64_t window(const Pooling& op) {
    return op.s.k.size();
  }
};

}  // namespace

Tolerance tolerance_of(const Op& op) { return std::visit(Describe{}, op); }

}  // namespace qrun
