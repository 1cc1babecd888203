// Layers that take several inputs, and flatten, which is a concatenation of one.
#include <algorithm>

#include "plan/layer_lowering.h"

namespace qrun {
namespace {

[[noreturn]] void refuse_shapes(const Builder& b, const LayerSpec& layer, Inputs inputs, std::size_t other,
                                const std::string& wanted) {
  refuse(layer, layer.input[0] + " gives " + to_string(b.shape(inputs[0])) + " and " + layer.input[other] + " " +
                    to_string(b.shape(inputs[other])) + "; " + wanted);
}

bool any_has_gradient(const Builder& b, Inputs inputs) {
  return std::ranges::any_of(inputs, [&b](BufferId x) { return b.has_gradient(x); });
}

BufferId add_eltwise_ops(Builder& b, const LayerSpec& layer, Inputs inputs, Eltwise type,
                         const std::vector<float>& coefficients) {
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    if (b.shape(inputs[i]) != b.shape(inputs[0])) refuse_shapes(b, layer, inputs, i, "all inputs need one shape");
  }
  const std::vector<BufferId> x(inputs.begin(), inputs.end());
  const BufferId y = b.add_buffer(layer.name, b.shape(x[0]), any_has_gradient(b, inputs));
  b.forward(EltwiseOp{x, y, type, coefficients});
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (b.has_gradient(x[i])) b.backward(EltwiseBackwardOp{x[i], x, y, type, static_cast<int>(i), coefficients[i]});
  }
  return y;
}

BufferId add_concat_ops(Builder& b, const LayerSpec& layer, Inputs inputs, const Shape& shape) {
  const BufferId y = b.add_buffer(layer.name, shape, any_has_gradient(b, inputs));
  b.forward(ConcatOp{{inputs.begin(), inputs.end()}, y});
  std::int64_t first = 0;
  for (const BufferId x : inputs) {
    if (b.has_gradient(x)) b.backward(ConcatBackwardOp{x, y, first});
    first += b.shape(x).size();
  }
  return y;
}

}  // namespace

BufferId lower(Builder& b, const LayerSpec& layer, const AddLayer& add, Inputs inputs) {
  return add_eltwise_ops(b, layer, inputs, Eltwise::kSum, {add.coefficients.begin(), add.coefficients.end()});
}
BufferId lower(Builder& b, const LayerSpec& layer, const MulLayer& /*mul*/, Inputs inputs) {
  return add_eltwise_ops(b, layer, inputs, Eltwise::kProduct, std::vector<float>(inputs.size(), 1.0F));
}
BufferId lower(Builder& b, const LayerSpec& layer, const MaxLayer& /*max*/, Inputs inputs) {
  return add_eltwise_ops(b, layer, inputs, Eltwise::kMax, std::vector<float>(inputs.size(), 1.0F));
}

BufferId lower(Builder& b, const LayerSpec& layer, const ConcatLayer& /*concat*/, Inputs inputs) {
  Shape all = b.shape(inputs[0]);
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    const Shape shape = b.shape(inputs[i]);
    if (shape.h != all.h || shape.w != all.w)
      refuse_shapes(b, layer, inputs, i, "all inputs need one height and one width");
    all.c = plus(all.c, shape.c);
  }
  return add_concat_ops(b, layer, inputs, all);
}

BufferId lower(Builder& b, const LayerSpec& layer, const FlattenLayer& /*flatten*/, Inputs inputs) {
  return add_concat_ops(b, layer, inputs, {b.shape(inputs[0]).size(), 1, 1});
}

}  // namespace qrun
