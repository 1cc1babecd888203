#include "engine/effects.h"

namespace qrun {
namespace {

constexpr double kScaleRounding = 0x1p-22;  // a scale may differ in its last bits where statistics were added otherwise

Place value(BufferId id) { return {Place::Kind::kBuffer, id, false}; }
Place gradient(BufferId id) { return {Place::Kind::kBuffer, id, true}; }
Place param(ParamId id) { return {Place::Kind::kParam, id, false}; }
Place param_gradient(ParamId id) { return {Place::Kind::kParam, id, true}; }

struct Describe {
  Effects operator()(const QuantizeParamOp& op) const {
    return {.name = "quantize_param", .outputs = {param(op.param)}, .relative = kScaleRounding};
  }
  Effects operator()(const Conv2dOp& op) const { return product("conv2d", op, op.s.c / op.s.groups * op.s.k * op.s.k); }
  Effects operator()(const LinearOp& op) const { return product("linear", op, op.in); }
  Effects operator()(const Conv2dBackwardDataOp& op) const {
    return backward_data("conv2d_backward_data", op, op.s.o / op.s.groups * op.s.k * op.s.k);
  }
  Effects operator()(const LinearBackwardDataOp& op) const { return backward_data("linear_backward_data", op, op.out); }
  Effects operator()(const Conv2dBackwardWeightOp& op) const {
    return backward_weight("conv2d_backward_weight", op, op.s.out_h() * op.s.out_w());
  }
  Effects operator()(const LinearBackwardWeightOp& op) const {
    return backward_weight("linear_backward_weight", op, 1);
  }
  Effects operator()(const MaxPool2dOp& op) const { return {.name = "max_pool2d", .outputs = {value(op.y)}}; }
  Effects operator()(const MaxPool2dBackwardOp& op) const { return scatter("max_pool2d_backward", op); }
  Effects operator()(const AvgPool2dOp& op) const {
    return {.name = "avg_pool2d", .inputs = {value(op.x)}, .outputs = {value(op.y)}, .terms = op.s.k * op.s.k};
  }
  Effects operator()(const AvgPool2dBackwardOp& op) const { return scatter("avg_pool2d_backward", op); }
  Effects operator()(const ReluOp& op) const { return {.name = "relu", .outputs = {value(op.y)}}; }
  Effects operator()(const ReluBackwardOp& op) const { return {.name = "relu_backward", .outputs = {gradient(op.x)}}; }
  Effects operator()(const QuantizeOp& op) const {
    return {.name = "quantize", .outputs = {value(op.y)}, .relative = kScaleRounding};
  }
  Effects operator()(const QuantizeBackwardOp& op) const {
    return {.name = "quantize_backward", .outputs = {gradient(op.x)}};
  }
  Effects operator()(const QuantizeMaxPool2dOp& op) const {
    return {.name = "quantize_max_pool2d", .outputs = {value(op.y)}, .relative = kScaleRounding};
  }
  Effects operator()(const QuantizeMaxPool2dBackwardOp& op) const {
    return scatter("quantize_max_pool2d_backward", op);
  }
  Effects operator()(const SoftmaxCrossEntropyOp& op) const {
    return {.name = "softmax_cross_entropy", .outputs = {gradient(op.x)}, .relative = 0x1p-22};
  }
  Effects operator()(const UpdateOp& op) const {
    return {.name = "update", .outputs = {{Place::Kind::kMaster, op.param, false}}};
  }

 private:
  template <class Op>
  static Effects product(const char* name, const Op& op, std::int64_t terms) {
    Effects effects{.name = name, .inputs = {value(op.x), param(op.w)}, .outputs = {value(op.y)}, .terms = terms + 1};
    if (op.b != kNone) effects.inputs.push_back(param(op.b));
    return effects;
  }
  template <class Op>
  static Effects backward_data(const char* name, const Op& op, std::int64_t terms) {
    return {.name = name, .inputs = {gradient(op.y), param(op.w)}, .outputs = {gradient(op.x)}, .terms = terms};
  }
  template <class Op>
  static Effects backward_weight(const char* name, const Op& op, std::int64_t terms) {
    Effects effects{.name = name,
                    .inputs = {value(op.x), gradient(op.y)},
                    .outputs = {param_gradient(op.w)},
                    .terms = terms,
                    .over_batch = true};
    if (op.b != kNone) effects.outputs.push_back(param_gradient(op.b));
    return effects;
  }
  /// Each value of dx gathers from windows, of which it may be in several.
  template <class Op>
  static Effects scatter(const char* name, const Op& op) {
    return {.name = name, .inputs = {gradient(op.y)}, .outputs = {gradient(op.x)}, .terms = op.s.k * op.s.k};
  }
};

}  // namespace

Effects effects_of(const Op& op) { return std::visit(Describe{}, op); }

}  // namespace qrun
