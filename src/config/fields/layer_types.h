// The types of layers: a struct each with its parameters and what a configuration may say of them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "config/fields/channel_layers.h"
#include "config/fields/joining_layers.h"
#include "config/fields/max_size.h"
#include "config/table/field.h"
#include "core/shape.h"

namespace qrun {

/// Two-dimensional convolution; weight [out_channels, channels / groups, kernel_size.h, kernel_size.w].
struct Conv2dLayer {
  static constexpr const char* kType = "conv2d";
  static constexpr bool kHasWeight = true;
  std::int64_t out_channels = 0;
  Sides kernel_size{};
  Sides stride{1};
  Sides padding{};
  Sides dilation{1};
  std::int64_t groups = 1;
  bool bias = true;

  static constexpr auto table() {
    using config::boolean, config::fields, config::integer, config::kMaxSize, config::Role, config::sides;
    return fields(
        integer<&Conv2dLayer::out_channels>("out_channels", "number of filters", Role::kShape, {1, kMaxSize})
            .required(),
        sides<&Conv2dLayer::kernel_size>("kernel_size", "height and width of a filter", Role::kShape, {1, kMaxSize})
            .required(),
        sides<&Conv2dLayer::stride>("stride", "step between outputs", Role::kShape, {1, kMaxSize}),
        sides<&Conv2dLayer::padding>("padding", "zeros added on each side", Role::kShape, {0, kMaxSize}),
        sides<&Conv2dLayer::dilation>("dilation", "step between the values of a filter", Role::kShape, {1, kMaxSize})
            .later("1"),
        integer<&Conv2dLayer::groups>("groups", "groups of channels that don't see each other", Role::kShape,
                                      {1, kMaxSize}),
        boolean<&Conv2dLayer::bias>("bias", "add a bias per filter", Role::kShape));
  }
  bool operator==(const Conv2dLayer&) const = default;
};

/// Fully connected; flattens its input in c, h, w order; weight [out_features, inputs].
struct LinearLayer {
  static constexpr const char* kType = "linear";
  static constexpr bool kHasWeight = true;
  std::int64_t out_features = 0;
  bool bias = true;

  static constexpr auto table() {
    using config::boolean, config::fields, config::integer, config::kMaxSize, config::Role;
    return fields(integer<&LinearLayer::out_features>("out_features", "number of outputs", Role::kShape, {1, kMaxSize})
                      .required(),
                  boolean<&LinearLayer::bias>("bias", "add a bias per output", Role::kShape));
  }
  bool operator==(const LinearLayer&) const = default;
};

namespace config {

template <class Pool>
void step_by_the_window(Pool& pool) {
  pool.stride = pool.kernel_size;
}

/// What all poolings say of their windows.
template <class Pool>
constexpr auto window_fields() {
  return fields(sides<&Pool::kernel_size>("kernel_size", "height and width of the window", Role::kShape, {1, kMaxSize})
                    .required(),
                sides<&Pool::stride>("stride", "step between windows", Role::kShape, {1, kMaxSize})
                    .template completed_by<step_by_the_window<Pool>>(),
                sides<&Pool::padding>("padding", "implicit border on each side, at most half the window", Role::kShape,
                                      {0, kMaxSize}),
                boolean<&Pool::ceil_mode>("ceil_mode", "round the output size up", Role::kShape));
}

}  // namespace config

/// Maximum over windows.
struct MaxPool2dLayer {
  static constexpr const char* kType = "max_pool2d";
  static constexpr bool kHasWeight = false;
  Sides kernel_size{};
  Sides stride{};  // default: kernel_size
  Sides padding{};
  bool ceil_mode = false;

  static constexpr auto table() { return config::window_fields<MaxPool2dLayer>(); }
  bool operator==(const MaxPool2dLayer&) const = default;
};

/// Mean over windows.
struct AvgPool2dLayer {
  static constexpr const char* kType = "avg_pool2d";
  static constexpr bool kHasWeight = false;
  Sides kernel_size{};
  Sides stride{};  // default: kernel_size
  Sides padding{};
  bool ceil_mode = false;
  bool count_include_pad = false;

  static constexpr auto table() {
    using config::boolean, config::fields, config::Role;
    return config::window_fields<AvgPool2dLayer>() +
           fields(boolean<&AvgPool2dLayer::count_include_pad>("count_include_pad",
                                                              "divide by the window with its padding", Role::kShape));
  }
  bool operator==(const AvgPool2dLayer&) const = default;
};

/// Mean of each channel.
struct GlobalAvgPool2dLayer {
  static constexpr const char* kType = "global_avg_pool2d";
  static constexpr bool kHasWeight = false;

  static constexpr config::Table<GlobalAvgPool2dLayer, 0> table() { return {}; }
  bool operator==(const GlobalAvgPool2dLayer&) const = default;
};

/// All values of an image as channels, in c, h, w order.
struct FlattenLayer {
  static constexpr const char* kType = "flatten";
  static constexpr bool kHasWeight = false;

  static constexpr config::Table<FlattenLayer, 0> table() { return {}; }
  bool operator==(const FlattenLayer&) const = default;
};

/// max(x, 0).
struct ReluLayer {
  static constexpr const char* kType = "relu";
  static constexpr bool kHasWeight = false;

  static constexpr config::Table<ReluLayer, 0> table() { return {}; }
  bool operator==(const ReluLayer&) const = default;
};

/// min(max(x, 0), 6).
struct Relu6Layer {
  static constexpr const char* kType = "relu6";
  static constexpr bool kHasWeight = false;

  static constexpr config::Table<Relu6Layer, 0> table() { return {}; }
  bool operator==(const Relu6Layer&) const = default;
};

/// x where it is positive, else a part of it.
struct LeakyReluLayer {
  static constexpr const char* kType = "leaky_relu";
  static constexpr bool kHasWeight = false;
  double negative_slope = 0.01;

  static constexpr auto table() {
    using config::fields, config::number, config::Role;
    return fields(number<&LeakyReluLayer::negative_slope>("negative_slope", "factor on what is negative", Role::kShape,
                                                          config::kNotNegative));
  }
  bool operator==(const LeakyReluLayer&) const = default;
};

/// 1 / (1 + exp(-x)).
struct SigmoidLayer {
  static constexpr const char* kType = "sigmoid";
  static constexpr bool kHasWeight = false;

  static constexpr config::Table<SigmoidLayer, 0> table() { return {}; }
  bool operator==(const SigmoidLayer&) const = default;
};

struct TanhLayer {
  static constexpr const char* kType = "tanh";
  static constexpr bool kHasWeight = false;

  static constexpr config::Table<TanhLayer, 0> table() { return {}; }
  bool operator==(const TanhLayer&) const = default;
};

/// exp(x) of each channel, parted by their sum.
struct SoftmaxLayer {
  static constexpr const char* kType = "softmax";
  static constexpr bool kHasWeight = false;

  static constexpr config::Table<SoftmaxLayer, 0> table() { return {}; }
  bool operator==(const SoftmaxLayer&) const = default;
};

/// (x - mean) / sqrt(variance + eps) of each channel, times a weight, plus a bias: of the batch in training, of running
/// statistics in a test, and where they are frozen in training, too.
struct BatchNorm2dLayer {
  static constexpr const char* kType = "batch_norm2d";
  static constexpr bool kHasWeight = true;
  static constexpr double kWeightStart = 1;
  double eps = 1e-5;
  double momentum = 0.1;
  bool affine = true;
  bool frozen = false;
  bool bias = true;

  static constexpr auto table() {
    using config::boolean, config::fields, config::number, config::Role;
    return fields(number<&BatchNorm2dLayer::eps>("eps", "added to the variance", Role::kShape, config::kPositive),
                  number<&BatchNorm2dLayer::momentum>(
                      "momentum", "share of a batch in the running statistics; 0: a plain mean", Role::kNumber,
                      {.low = 0, .high = 1, .low_open = false, .high_open = false}),
                  boolean<&BatchNorm2dLayer::affine>("affine", "a weight and a bias per channel", Role::kShape),
                  boolean<&BatchNorm2dLayer::frozen>("frozen", "keep the statistics of train.init_from", Role::kShape),
                  boolean<&BatchNorm2dLayer::bias>("bias", "add a bias per channel", Role::kShape));
  }
  bool operator==(const BatchNorm2dLayer&) const = default;
};

/// In training 0 with probability p, else x / (1 - p); x in a test.
struct DropoutLayer {
  static constexpr const char* kType = "dropout";
  static constexpr bool kHasWeight = false;
  double p = 0.5;

  static constexpr auto table() {
    using config::fields, config::number, config::Role;
    return fields(
        number<&DropoutLayer::p>("p", "share of values that become 0 in training", Role::kNumber, config::kBelowOne));
  }
  bool operator==(const DropoutLayer&) const = default;
};

/// The list of types, in the order of the documentation.
using LayerParams =
    std::variant<Conv2dLayer, LinearLayer, MaxPool2dLayer, AvgPool2dLayer, GlobalAvgPool2dLayer, ReluLayer, Relu6Layer,
                 LeakyReluLayer, PreluLayer, SigmoidLayer, TanhLayer, SoftmaxLayer, BatchNorm2dLayer, ScaleLayer,
                 LrnLayer, DropoutLayer, AddLayer, MulLayer, MaxLayer, ConcatLayer, FlattenLayer>;

/// True for a type that may have a bias, the last field of its table.
template <class Layer>
inline constexpr bool kHasBias = requires(Layer layer) {
  layer.bias;
};

/// True for a type whose weight starts at a constant, and is one a channel; the others draw it, and sum products.
template <class Layer>
inline constexpr bool kHasWeightStart = requires {
  Layer::kWeightStart;
};

/// True for a type whose weight may be left out, and with it its bias.
template <class Layer>
inline constexpr bool kMayBeAffine = requires(Layer layer) {
  layer.affine;
};

template <class Layer>
[[nodiscard]] bool has_weight(const Layer& layer) {
  if constexpr (kMayBeAffine<Layer>) {
    return layer.affine;
  } else {
    return Layer::kHasWeight;
  }
}
template <class Layer>
[[nodiscard]] bool has_bias(const Layer& layer) {
  if constexpr (kHasBias<Layer>) {
    return layer.bias && has_weight(layer);
  } else {
    return false;
  }
}

/// True for a type that takes two inputs or more; the others take one.
template <class Layer>
inline constexpr bool kTakesSeveral = requires {
  Layer::kTakesSeveral;
};

/// A type as readers and writers of configurations see it.
struct LayerType {
  const char* name;
  config::Rows rows;  // of its struct
  LayerParams defaults;
  bool takes_several = false;  // inputs
};

/// Returns all types of layers, by the index of LayerParams.
[[nodiscard]] std::span<const LayerType> layer_types();

/// Returns the type of this name; nullptr for an unknown one.
[[nodiscard]] const LayerType* find_layer_type(std::string_view name);

}  // namespace qrun
