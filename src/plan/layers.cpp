#include "plan/layers.h"

#include <string>

#include "core/error.h"

namespace qrun {
namespace {

using Inputs = std::span<const BufferId>;

[[noreturn]] void refuse(const LayerSpec& layer, const std::string& problem) {
  throw ConfigError(layer.position, "network." + layer.name, problem);
}

/// Weight [dims] and, where the layer has one, bias [dims[0]].
std::pair<ParamId, ParamId> add_params(Builder& b, const LayerSpec& layer, std::vector<std::int64_t> dims) {
  std::int64_t fan_in = 1;
  for (std::size_t i = 1; i < dims.size(); ++i) fan_in = times(fan_in, dims[i]);
  const std::int64_t outputs = dims[0];
  const ParamId weight = b.add_param({layer.name, Place::kLayer, BlobRole::kWeight, std::move(dims), fan_in});
  if (layer.param("bias") == 0) return {weight, kNone};
  return {weight, b.add_param({layer.name, Place::kLayer, BlobRole::kBias, {outputs}, fan_in})};
}

BufferId lower_conv2d(Builder& b, const LayerSpec& layer, Inputs inputs) {
  const BufferId x = inputs.front();
  const Shape in = b.shape(x);
  const ConvShape s{.c = in.c,
                    .h = in.h,
                    .w = in.w,
                    .o = layer.param("out_channels"),
                    .k = layer.param("kernel_size"),
                    .stride = layer.param("stride"),
                    .pad = layer.param("padding"),
                    .groups = layer.param("groups")};
  if (s.c % s.groups != 0 || s.o % s.groups != 0) {
    refuse(layer, "groups " + std::to_string(s.groups) + " divides not both its " + std::to_string(s.c) +
                      " input and " + std::to_string(s.o) + " output channels; choose a common divisor");
  }
  if (in.h + 2 * s.pad < s.k || in.w + 2 * s.pad < s.k) {
    refuse(layer, "kernel_size " + std::to_string(s.k) + " is larger than its input " + to_string(in) +
                      " with padding " + std::to_string(s.pad) + "; use a smaller kernel or more padding");
  }
  const auto [w, bias] = add_params(b, layer, {s.o, s.c / s.groups, s.k, s.k});
  const BufferId y = b.add_buffer(layer.name, {s.o, s.out_h(), s.out_w()}, true);
  b.forward(Conv2dOp{x, y, w, bias, s});
  if (b.has_gradient(x)) b.backward(Conv2dBackwardDataOp{x, y, w, s});
  b.backward(Conv2dBackwardWeightOp{x, y, w, bias, s});
  return y;
}

BufferId lower_linear(Builder& b, const LayerSpec& layer, Inputs inputs) {
  const BufferId x = inputs.front();
  const std::int64_t in = b.shape(x).size();
  const std::int64_t out = layer.param("out_features");
  const auto [w, bias] = add_params(b, layer, {out, in});
  const BufferId y = b.add_buffer(layer.name, {out, 1, 1}, true);
  b.forward(LinearOp{x, y, w, bias, in, out});
  if (b.has_gradient(x)) b.backward(LinearBackwardDataOp{x, y, w, in, out});
  b.backward(LinearBackwardWeightOp{x, y, w, bias, in, out});
  return y;
}

PoolShape pool_shape(Builder& b, const LayerSpec& layer, BufferId x) {
  const Shape in = b.shape(x);
  const PoolShape s{.c = in.c,
                    .h = in.h,
                    .w = in.w,
                    .k = layer.param("kernel_size"),
                    .stride = layer.param("stride"),
                    .pad = layer.param("padding"),
                    .ceil_mode = layer.param("ceil_mode") != 0};
  if (2 * s.pad > s.k) {
    refuse(layer, "padding " + std::to_string(s.pad) + " is more than half of kernel_size " + std::to_string(s.k) +
                      "; at most " + std::to_string(s.k / 2));
  }
  if (in.h + 2 * s.pad < s.k || in.w + 2 * s.pad < s.k) {
    refuse(layer, "kernel_size " + std::to_string(s.k) + " is larger than its input " + to_string(in) +
                      " with padding " + std::to_string(s.pad) + "; use a smaller window");
  }
  return s;
}

BufferId lower_max_pool2d(Builder& b, const LayerSpec& layer, Inputs inputs) {
  const BufferId x = inputs.front();
  const PoolShape s = pool_shape(b, layer, x);
  const BufferId y = b.add_buffer(layer.name, {s.c, s.out_h(), s.out_w()}, b.has_gradient(x));
  b.forward(MaxPool2dOp{x, y, s});
  if (b.has_gradient(x)) b.backward(MaxPool2dBackwardOp{x, y, s});
  return y;
}

BufferId lower_avg_pool2d(Builder& b, const LayerSpec& layer, Inputs inputs) {
  const BufferId x = inputs.front();
  const PoolShape s = pool_shape(b, layer, x);
  const bool count_include_pad = layer.param("count_include_pad") != 0;
  const BufferId y = b.add_buffer(layer.name, {s.c, s.out_h(), s.out_w()}, b.has_gradient(x));
  b.forward(AvgPool2dOp{x, y, s, count_include_pad});
  if (b.has_gradient(x)) b.backward(AvgPool2dBackwardOp{x, y, s, count_include_pad});
  return y;
}

BufferId lower_relu(Builder& b, const LayerSpec& layer, Inputs inputs) {
  const BufferId x = inputs.front();
  const BufferId y = b.add_buffer(layer.name, b.shape(x), b.has_gradient(x));
  b.forward(ReluOp{x, y});
  if (b.has_gradient(x)) b.backward(ReluBackwardOp{x, y});
  return y;
}

struct LayerLowering {
  const char* type;
  BufferId (*lower)(Builder&, const LayerSpec&, Inputs);
};

constexpr LayerLowering kLowerings[] = {
    {"conv2d", lower_conv2d},         {"linear", lower_linear}, {"max_pool2d", lower_max_pool2d},
    {"avg_pool2d", lower_avg_pool2d}, {"relu", lower_relu},
};

}  // namespace

BufferId lower_layer(Builder& builder, const LayerSpec& layer, std::span<const BufferId> inputs) {
  for (const LayerLowering& lowering : kLowerings) {
    if (layer.type == lowering.type) return lowering.lower(builder, layer, inputs);
  }
  QRUN_CHECK(false, "no lowering for layer type " + layer.type);
  return kNone;
}

ParamSettings settings_of(const LayerSpec& layer, BlobRole role) {
  const bool weight = role == BlobRole::kWeight;
  QRUN_CHECK(weight || role == BlobRole::kBias, "layers have weights and biases");
  const BlobRoleInfo& info = info_of(role);
  const ParamSpec& spec = weight ? layer.weight : layer.bias;
  return {.quant = weight ? layer.weight_quant : layer.bias_quant,
          .lr_mult = spec.lr_mult,
          .decay_mult = info.decays ? spec.decay_mult : 0,
          .init = info.start ? InitSpec{InitType::kConstant, *info.start} : layer.init};
}

}  // namespace qrun
