#include "plan/operands.h"

#include <algorithm>

namespace qrun {
namespace {

using O = Operand;

/// Adds the operands of those parameters that there are to the others.
std::vector<O> with(std::vector<O> others, const std::vector<ParamId>& params, O (*operand)(ParamId)) {
  for (const ParamId param : params) {
    if (param != kNone) others.push_back(operand(param));
  }
  return others;
}

std::vector<O> each(const std::vector<BufferId>& buffers, O (*operand)(BufferId)) {
  std::vector<O> operands;
  for (const BufferId buffer : buffers) operands.push_back(operand(buffer));
  return operands;
}

struct Describe {
  Operands operator()(const QuantizeParamOp& op) const {
    return {{O::master(op.param)}, {O::param_value(op.param), O::param_fit(op.param)}};
  }
  Operands operator()(const QuantizeParamBackwardOp& op) const {
    return {{O::master(op.param), O::param_fit(op.param), O::param_gradient(op.param)}, {O::param_gradient(op.param)}};
  }
  Operands operator()(const Conv2dOp& op) const { return product(op); }
  Operands operator()(const Conv2dBackwardDataOp& op) const { return product_data(op); }
  Operands operator()(const Conv2dBackwardWeightOp& op) const { return product_weight(op); }
  Operands operator()(const LinearOp& op) const { return product(op); }
  Operands operator()(const LinearBackwardDataOp& op) const { return product_data(op); }
  Operands operator()(const LinearBackwardWeightOp& op) const { return product_weight(op); }
  Operands operator()(const MaxPool2dOp& op) const { return {{O::value(op.x)}, {O::value(op.y), O::argmax(op.y)}}; }
  Operands operator()(const MaxPool2dBackwardOp& op) const {
    return {{O::gradient(op.y), O::argmax(op.y)}, {O::gradient(op.dx)}};
  }
  Operands operator()(const AvgPool2dOp& op) const { return {{O::value(op.x)}, {O::value(op.y)}}; }
  Operands operator()(const AvgPool2dBackwardOp& op) const { return {{O::gradient(op.y)}, {O::gradient(op.dx)}}; }
  Operands operator()(const ReluOp& op) const { return {{O::value(op.x)}, {O::value(op.y)}}; }
  Operands operator()(const ReluBackwardOp& op) const {
    return {{O::value(op.y), O::gradient(op.y)}, {O::gradient(op.dx)}};
  }
  Operands operator()(const ActivationOp& op) const { return {{O::value(op.x)}, {O::value(op.y)}}; }
  Operands operator()(const ActivationBackwardOp& op) const {
    return {{O::value(op.y), O::gradient(op.y)}, {O::gradient(op.dx)}};
  }
  Operands operator()(const BatchNormMomentsOp& op) const {
    const std::vector<O> statistics = {O::statistic(op.mean), O::statistic(op.variance), O::statistic(op.count)};
    Operands operands{.reads = statistics, .writes = {O::moments(op.y)}};
    if (op.frozen) return operands;
    operands.reads.push_back(O::value(op.x));
    operands.writes.insert(operands.writes.end(), statistics.begin(), statistics.end());
    return operands;
  }
  Operands operator()(const BatchNormOp& op) const {
    return {with({O::value(op.x), O::moments(op.y)}, {op.w, op.b}, O::param_value), {O::value(op.y)}};
  }
  Operands operator()(const BatchNormBackwardWeightOp& op) const {
    return {{O::value(op.x), O::moments(op.y), O::gradient(op.y)},
            with({O::moments_gradient(op.y)}, {op.w, op.b}, O::param_gradient)};
  }
  Operands operator()(const BatchNormBackwardDataOp& op) const {
    Operands operands{with({O::moments(op.y), O::gradient(op.y)}, {op.w}, O::param_value), {O::gradient(op.dx)}};
    if (!op.frozen) {
      operands.reads.push_back(O::value(op.x));
      operands.reads.push_back(O::moments_gradient(op.y));
    }
    return operands;
  }
  Operands operator()(const ChannelScaleOp& op) const { return product(op); }
  Operands operator()(const ChannelScaleBackwardWeightOp& op) const { return product_weight(op); }
  Operands operator()(const ChannelScaleBackwardDataOp& op) const {
    Operands operands = product_data(op);
    if (op.scaled == Scaled::kNegative) operands.reads.push_back(O::value(op.x));
    return operands;
  }
  Operands operator()(const SoftmaxOp& op) const { return {{O::value(op.x)}, {O::value(op.y)}}; }
  Operands operator()(const SoftmaxBackwardOp& op) const {
    return {{O::value(op.y), O::gradient(op.y)}, {O::gradient(op.dx)}};
  }
  Operands operator()(const LrnOp& op) const { return {{O::value(op.x)}, {O::value(op.y), O::value(op.scale)}}; }
  Operands operator()(const LrnBackwardOp& op) const {
    return {{O::value(op.x), O::value(op.y), O::value(op.scale), O::gradient(op.y)}, {O::gradient(op.dx)}};
  }
  Operands operator()(const DropoutOp& op) const { return {{O::value(op.x)}, {O::value(op.y)}}; }
  Operands operator()(const DropoutBackwardOp& op) const { return {{O::gradient(op.y)}, {O::gradient(op.dx)}}; }
  Operands operator()(const EltwiseOp& op) const { return {each(op.x, O::value), {O::value(op.y)}}; }
  Operands operator()(const EltwiseBackwardOp& op) const {
    Operands operands{{O::gradient(op.y)}, {O::gradient(op.dx)}};
    if (op.type == Eltwise::kSum) return operands;
    for (std::size_t i = 0; i < op.x.size(); ++i) {
      if (op.type == Eltwise::kMax || static_cast<int>(i) != op.input) operands.reads.push_back(O::value(op.x[i]));
    }
    return operands;
  }
  Operands operator()(const ConcatOp& op) const { return {each(op.x, O::value), {O::value(op.y)}}; }
  Operands operator()(const ConcatBackwardOp& op) const { return {{O::gradient(op.y)}, {O::gradient(op.dx)}}; }
  Operands operator()(const QuantizeOp& op) const {
    return {{O::value(op.x), O::range(op.slot)}, {O::value(op.y), O::slot_fit(op.slot), O::range(op.slot)}};
  }
  Operands operator()(const QuantizeBackwardOp& op) const {
    return {{O::value(op.x), O::slot_fit(op.slot), O::gradient(op.y)}, {O::gradient(op.dx)}};
  }
  Operands operator()(const QuantizeMaxPool2dOp& op) const {
    return {{O::value(op.x), O::range(op.slot)},
            {O::value(op.y), O::argmax(op.y), O::slot_fit(op.slot), O::range(op.slot)}};
  }
  Operands operator()(const QuantizeMaxPool2dBackwardOp& op) const {
    return {{O::value(op.x), O::slot_fit(op.slot), O::gradient(op.y), O::argmax(op.y)}, {O::gradient(op.dx)}};
  }
  Operands operator()(const SumGradientsOp& op) const { return {each(op.parts, O::gradient), {O::gradient(op.dx)}}; }
  Operands operator()(const SoftmaxCrossEntropyOp& op) const {
    return {{O::value(op.x), O::labels()}, {O::gradient(op.x), O::loss()}};
  }
  Operands operator()(const AccumulateGradientOp& op) const {
    return {{O::param_gradient(op.param), O::gradient_sum(op.param)}, {O::gradient_sum(op.param)}};
  }
  Operands operator()(const MeanGradientOp& op) const {
    return {{O::gradient_sum(op.param)}, {O::param_gradient(op.param), O::gradient_sum(op.param)}};
  }
  Operands operator()(const ClipGradientsOp& op) const {
    Operands operands;
    for (ParamId param = 0; param < op.params; ++param) operands.reads.push_back(O::param_gradient(param));
    operands.writes = operands.reads;
    return operands;
  }
  Operands operator()(const UpdateOp& op) const {
    return {{O::master(op.param), O::param_gradient(op.param), O::history(op.param)},
            {O::master(op.param), O::history(op.param)}};
  }

 private:
  template <class Op>
  static Operands product(const Op& op) {
    return {with({O::value(op.x), O::param_value(op.w)}, {op.b}, O::param_value), {O::value(op.y)}};
  }
  template <class Op>
  static Operands product_data(const Op& op) {
    return {{O::gradient(op.y), O::param_value(op.w)}, {O::gradient(op.dx)}};
  }
  template <class Op>
  static Operands product_weight(const Op& op) {
    return {{O::value(op.x), O::gradient(op.y)}, with({O::param_gradient(op.w)}, {op.b}, O::param_gradient)};
  }
};

bool contains(const std::vector<Operand>& operands, const Operand& what) {
  return std::ranges::find(operands, what) != operands.end();
}

}  // namespace

Operands operands_of(const Op& op) { return std::visit(Describe{}, op); }

bool reads(const Op& op, const Operand& what) { return contains(operands_of(op).reads, what); }
bool writes(const Op& op, const Operand& what) { return contains(operands_of(op).writes, what); }

}  // namespace qrun
