// Layers that scale values by what is learned of channels or by their neighbours.
#include "plan/layer_lowering.h"

namespace qrun {
namespace {

ParamId add_channel_param(Builder& b, const LayerSpec& layer, BlobRole role, std::int64_t n) {
  return b.add_param({.layer = layer.name, .place = Place::kLayer, .role = role, .dims = {n}});
}

/// `seen` is the input with a channel for each weight.
BufferId add_scale_ops(Builder& b, const LayerSpec& layer, BufferId x, const Shape& seen, Scaled scaled,
                       bool has_bias) {
  const ParamId w = add_channel_param(b, layer, BlobRole::kScale, seen.c);
  const ParamId bias = has_bias ? add_channel_param(b, layer, BlobRole::kShift, seen.c) : kNone;
  const BufferId y = b.add_buffer(layer.name, b.shape(x), true);
  b.forward(ChannelScaleOp{x, y, w, bias, seen, scaled});
  if (b.has_gradient(x)) b.backward(ChannelScaleBackwardDataOp{x, x, y, w, seen, scaled});
  b.backward(ChannelScaleBackwardWeightOp{x, y, w, bias, seen, scaled});
  return y;
}

}  // namespace

BufferId lower(Builder& b, const LayerSpec& layer, const ScaleLayer& scale, Inputs inputs) {
  const BufferId x = inputs.front();
  return add_scale_ops(b, layer, x, b.shape(x), Scaled::kAll, scale.bias);
}

/// One weight of all channels sees them as one.
BufferId lower(Builder& b, const LayerSpec& layer, const PreluLayer& prelu, Inputs inputs) {
  const BufferId x = inputs.front();
  const Shape s = b.shape(x);
  const Shape seen = prelu.shared ? Shape{1, times(s.c, s.h), s.w} : s;
  return add_scale_ops(b, layer, x, seen, Scaled::kNegative, false);
}

BufferId lower(Builder& b, const LayerSpec& layer, const SoftmaxLayer& /*softmax*/, Inputs inputs) {
  const BufferId x = inputs.front();
  const Shape s = b.shape(x);
  const BufferId y = b.add_buffer(layer.name, s, b.has_gradient(x));
  b.forward(SoftmaxOp{x, y, s});
  if (b.has_gradient(x)) b.backward(SoftmaxBackwardOp{x, y, s});
  return y;
}

BufferId lower(Builder& b, const LayerSpec& layer, const LrnLayer& lrn, Inputs inputs) {
  const BufferId x = inputs.front();
  const Shape s = b.shape(x);
  const bool within = lrn.region == LrnRegion::kWithin;
  const auto size = static_cast<double>(lrn.size);
  const Lrn of{.size = lrn.size,
               .factor = lrn.alpha / (within ? size * size : size),
               .beta = lrn.beta,
               .k = within ? 1.0 : lrn.k,
               .within = within};
  const BufferId scale = b.add_buffer(layer.name, s, false);
  const BufferId y = b.add_buffer(layer.name, s, b.has_gradient(x));
  b.forward(LrnOp{x, y, scale, s, of});
  if (b.has_gradient(x)) b.backward(LrnBackwardOp{x, x, y, scale, s, of});
  return y;
}

}  // namespace qrun
