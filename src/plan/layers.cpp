#include "plan/layers.h"

#include <algorithm>
#include <string>

#include "config/fields/init.h"
#include "core/error.h"
#include "plan/layer_lowering.h"

namespace qrun {
namespace {

/// Adds a weight [dims] and, where the layer has one, a bias [dims[0]].
std::pair<ParamId, ParamId> add_params(Builder& b, const LayerSpec& layer, std::vector<std::int64_t> dims,
                                       bool has_bias) {
  std::int64_t fan_in = 1;
  for (std::size_t i = 1; i < dims.size(); ++i) fan_in = times(fan_in, dims[i]);
  const std::int64_t outputs = dims[0];
  const ParamId weight = b.add_param({layer.name, Place::kLayer, BlobRole::kWeight, std::move(dims), fan_in});
  if (!has_bias) return {weight, kNone};
  return {weight, b.add_param({layer.name, Place::kLayer, BlobRole::kBias, {outputs}, fan_in})};
}

/// A kernel lies in the padded image with all that its dilation puts between its values.
void refuse_wide_kernel(const LayerSpec& layer, const ConvShape& s) {
  if (s.h + 2 * s.pad.h >= extent_of(s.rows()) && s.w + 2 * s.pad.w >= extent_of(s.columns())) return;
  const std::string of_input = "its input " + to_string(Shape{s.c, s.h, s.w}) + " with padding " + to_string(s.pad);
  if (s.dilation == 1) {
    refuse(layer,
           "kernel_size " + to_string(s.k) + " is larger than " + of_input + "; use a smaller kernel or more padding");
  }
  refuse(layer, "kernel_size " + to_string(s.k) + " with dilation " + to_string(s.dilation) + " takes " +
                    to_string(Sides{extent_of(s.rows()), extent_of(s.columns())}) + ", more than " + of_input +
                    "; use a smaller dilation or more padding");
}

BufferId lower(Builder& b, const LayerSpec& layer, const Conv2dLayer& conv, Inputs inputs) {
  const BufferId x = inputs.front();
  const Shape in = b.shape(x);
  const ConvShape s{.c = in.c,
                    .h = in.h,
                    .w = in.w,
                    .o = conv.out_channels,
                    .k = conv.kernel_size,
                    .stride = conv.stride,
                    .pad = conv.padding,
                    .groups = conv.groups,
                    .dilation = conv.dilation};
  if (s.c % s.groups != 0 || s.o % s.groups != 0) {
    refuse(layer, "groups " + std::to_string(s.groups) + " divides not both its " + std::to_string(s.c) +
                      " input and " + std::to_string(s.o) + " output channels; choose a common divisor");
  }
  refuse_wide_kernel(layer, s);
  const auto [w, bias] = add_params(b, layer, {s.o, s.c / s.groups, s.k.h, s.k.w}, conv.bias);
  const BufferId y = b.add_buffer(layer.name, {s.o, s.out_h(), s.out_w()}, true);
  b.forward(Conv2dOp{x, y, w, bias, s});
  if (b.has_gradient(x)) b.backward(Conv2dBackwardDataOp{x, y, w, s});
  b.backward(Conv2dBackwardWeightOp{x, y, w, bias, s});
  return y;
}

BufferId lower(Builder& b, const LayerSpec& layer, const LinearLayer& linear, Inputs inputs) {
  const BufferId x = inputs.front();
  const std::int64_t in = b.shape(x).size();
  const std::int64_t out = linear.out_features;
  const auto [w, bias] = add_params(b, layer, {out, in}, linear.bias);
  const BufferId y = b.add_buffer(layer.name, {out, 1, 1}, true);
  b.forward(LinearOp{x, y, w, bias, in, out});
  if (b.has_gradient(x)) b.backward(LinearBackwardDataOp{x, y, w, in, out});
  b.backward(LinearBackwardWeightOp{x, y, w, bias, in, out});
  return y;
}

template <class Pool>
PoolShape pool_shape(Builder& b, const LayerSpec& layer, const Pool& pool, BufferId x) {
  const Shape in = b.shape(x);
  const PoolShape s{.c = in.c,
                    .h = in.h,
                    .w = in.w,
                    .k = pool.kernel_size,
                    .stride = pool.stride,
                    .pad = pool.padding,
                    .ceil_mode = pool.ceil_mode};
  if (2 * s.pad.h > s.k.h || 2 * s.pad.w > s.k.w) {
    refuse(layer, "padding " + to_string(s.pad) + " is more than half of kernel_size " + to_string(s.k) + "; at most " +
                      to_string(Sides{s.k.h / 2, s.k.w / 2}));
  }
  if (in.h + 2 * s.pad.h < s.k.h || in.w + 2 * s.pad.w < s.k.w) {
    refuse(layer, "kernel_size " + to_string(s.k) + " is larger than its input " + to_string(in) + " with padding " +
                      to_string(s.pad) + "; use a smaller window");
  }
  return s;
}

BufferId lower(Builder& b, const LayerSpec& layer, const MaxPool2dLayer& pool, Inputs inputs) {
  const BufferId x = inputs.front();
  const PoolShape s = pool_shape(b, layer, pool, x);
  const BufferId y = b.add_buffer(layer.name, {s.c, s.out_h(), s.out_w()}, b.has_gradient(x));
  b.forward(MaxPool2dOp{x, y, s});
  if (b.has_gradient(x)) b.backward(MaxPool2dBackwardOp{x, y, s});
  return y;
}

BufferId lower(Builder& b, const LayerSpec& layer, const AvgPool2dLayer& pool, Inputs inputs) {
  const BufferId x = inputs.front();
  const PoolShape s = pool_shape(b, layer, pool, x);
  const BufferId y = b.add_buffer(layer.name, {s.c, s.out_h(), s.out_w()}, b.has_gradient(x));
  b.forward(AvgPool2dOp{x, y, s, pool.count_include_pad});
  if (b.has_gradient(x)) b.backward(AvgPool2dBackwardOp{x, y, s, pool.count_include_pad});
  return y;
}

BufferId lower(Builder& b, const LayerSpec& layer, const ReluLayer& /*relu*/, Inputs inputs) {
  const BufferId x = inputs.front();
  const BufferId y = b.add_buffer(layer.name, b.shape(x), b.has_gradient(x));
  b.forward(ReluOp{x, y});
  if (b.has_gradient(x)) b.backward(ReluBackwardOp{x, y});
  return y;
}

/// One window, as large as the image.
BufferId lower(Builder& b, const LayerSpec& layer, const GlobalAvgPool2dLayer& /*pool*/, Inputs inputs) {
  const BufferId x = inputs.front();
  const Shape in = b.shape(x);
  const PoolShape s{.c = in.c, .h = in.h, .w = in.w, .k = {in.h, in.w}};
  const BufferId y = b.add_buffer(layer.name, {in.c, 1, 1}, b.has_gradient(x));
  b.forward(AvgPool2dOp{x, y, s, false});
  if (b.has_gradient(x)) b.backward(AvgPool2dBackwardOp{x, y, s, false});
  return y;
}

BufferId add_activation_op(Builder& b, const LayerSpec& layer, BufferId x, const Activation& activation) {
  const BufferId y = b.add_buffer(layer.name, b.shape(x), b.has_gradient(x));
  b.forward(ActivationOp{x, y, activation});
  if (b.has_gradient(x)) b.backward(ActivationBackwardOp{x, y, activation});
  return y;
}

BufferId lower(Builder& b, const LayerSpec& layer, const Relu6Layer& /*relu6*/, Inputs inputs) {
  return add_activation_op(b, layer, inputs.front(), {ActivationType::kRelu6});
}
BufferId lower(Builder& b, const LayerSpec& layer, const LeakyReluLayer& relu, Inputs inputs) {
  return add_activation_op(b, layer, inputs.front(),
                           {ActivationType::kLeakyRelu, static_cast<float>(relu.negative_slope)});
}
BufferId lower(Builder& b, const LayerSpec& layer, const SigmoidLayer& /*sigmoid*/, Inputs inputs) {
  return add_activation_op(b, layer, inputs.front(), {ActivationType::kSigmoid});
}
BufferId lower(Builder& b, const LayerSpec& layer, const TanhLayer& /*tanh*/, Inputs inputs) {
  return add_activation_op(b, layer, inputs.front(), {ActivationType::kTanh});
}

BufferId lower(Builder& b, const LayerSpec& layer, const DropoutLayer& /*dropout*/, Inputs inputs) {
  const BufferId x = inputs.front();
  const DropoutId id = b.add_dropout();
  const BufferId y = b.add_buffer(layer.name, b.shape(x), b.has_gradient(x));
  b.forward(DropoutOp{x, y, id});
  if (b.has_gradient(x)) b.backward(DropoutBackwardOp{x, y, id});
  return y;
}

BufferId lower(Builder& b, const LayerSpec& layer, const BatchNorm2dLayer& norm, Inputs inputs) {
  const BufferId x = inputs.front();
  const Shape s = b.shape(x);
  if (!norm.frozen && times(b.plan().train_batch, times(s.h, s.w)) == 1)
    refuse(layer, "sees one value a channel; a batch of 2 or more");
  const auto blob = [&](BlobRole role, std::int64_t n) { return Blob{.layer = layer.name, .role = role, .dims = {n}}; };
  const ParamId w = has_weight(norm) ? b.add_param(blob(BlobRole::kScale, s.c)) : kNone;
  const ParamId bias = has_bias(norm) ? b.add_param(blob(BlobRole::kShift, s.c)) : kNone;
  const StatisticId mean = b.add_statistic(blob(BlobRole::kMean, s.c));
  const StatisticId variance = b.add_statistic(blob(BlobRole::kVariance, s.c));
  const StatisticId count = b.add_statistic(blob(BlobRole::kCount, 1));
  const BufferId y = b.add_buffer(layer.name, s, w != kNone || b.has_gradient(x));
  b.forward(BatchNormMomentsOp{x, y, mean, variance, count, s, norm.eps, norm.frozen});
  b.forward(BatchNormOp{x, y, w, bias, s});
  if (b.has_gradient(x)) b.backward(BatchNormBackwardDataOp{x, x, y, w, s, norm.frozen});
  if (w != kNone || (b.has_gradient(x) && !norm.frozen)) b.backward(BatchNormBackwardWeightOp{x, y, w, bias, s});
  return y;
}

}  // namespace

BufferId lower_layer(Builder& builder, const LayerSpec& layer, std::span<const BufferId> inputs) {
  return std::visit([&](const auto& params) { return lower(builder, layer, params, inputs); }, layer.params);
}

ParamSettings settings_of(const LayerSpec& layer, BlobRole role) {
  const bool weight = role == BlobRole::kWeight || role == BlobRole::kScale;
  QRUN_CHECK(weight || role == BlobRole::kBias || role == BlobRole::kShift, "layers have weights and biases");
  const ParamSpec& spec = weight ? layer.weight : layer.bias;
  return {.quant = weight ? layer.weight_quant : layer.bias_quant,
          .lr_mult = spec.lr_mult,
          .decay_mult = info_of(role).decays ? spec.decay_mult : 0,
          .init = config::init_of(layer, weight ? config::Blob::kWeight : config::Blob::kBias)};
}

double dropout_of(const LayerSpec& layer) {
  const auto* dropout = std::get_if<DropoutLayer>(&layer.params);
  return dropout == nullptr ? 0 : dropout->p;
}

double momentum_of(const LayerSpec& layer) {
  const auto* norm = std::get_if<BatchNorm2dLayer>(&layer.params);
  return norm == nullptr ? 0 : norm->momentum;
}

}  // namespace qrun
