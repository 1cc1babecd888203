// Networks to be lowered.
#pragma once

#include <algorithm>
#include <string>

#include "core/error.h"
#include "plan/lower.h"
#include "reference/layers.h"

namespace qrun {

inline LayerSpec conv(const std::string& name, const std::string& input, std::int64_t out, std::int64_t k,
                      std::int64_t pad = 0, std::int64_t groups = 1) {
  return layer(name, input, Conv2dLayer{.out_channels = out, .kernel_size = k, .padding = pad, .groups = groups});
}
inline LayerSpec pool(const std::string& name, const std::string& input, std::int64_t k, std::int64_t pad = 0) {
  return layer(name, input, MaxPool2dLayer{.kernel_size = k, .stride = k, .padding = pad});
}
inline LayerSpec linear(const std::string& name, const std::string& input, std::int64_t out) {
  return layer(name, input, LinearLayer{.out_features = out});
}

inline RunSpec lenet() {
  RunSpec spec;
  spec.data.train.batch_size = 64;
  spec.data.test.batch_size = 100;
  spec.train.epochs = 20;
  spec.network = {conv("conv1", "data", 20, 5), pool("pool1", "conv1", 2),   conv("conv2", "pool1", 50, 5),
                  pool("pool2", "conv2", 2),    linear("fc1", "pool2", 500), layer("relu1", "fc1", ReluLayer{}),
                  linear("score", "relu1", 10)};
  return spec;
}
inline const DataInfo kMnist{{1, 28, 28}, 60000};

template <class T>
int count(const Plan& plan) {
  return static_cast<int>(
      std::ranges::count_if(plan.steps, [](const Step& step) { return std::holds_alternative<T>(step.op); }));
}

/// What is said of a network that is refused.
inline std::string refusal(const RunSpec& spec) {
  try {
    static_cast<void>(lower({spec}, kMnist));
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace qrun
