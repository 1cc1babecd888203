// The types of layers that scale channels: a struct each, as in layer_types.h.
#pragma once

#include "config/table/field.h"

namespace qrun {

/// Each channel times its weight, plus its bias.
struct ScaleLayer {
  static constexpr const char* kType = "scale";
  static constexpr bool kHasWeight = true;
  static constexpr double kWeightStart = 1;
  bool bias = true;

  static constexpr auto table() {
    using config::boolean, config::fields, config::Role;
    return fields(boolean<&ScaleLayer::bias>("bias", "add a bias per channel", Role::kShape));
  }
  bool operator==(const ScaleLayer&) const = default;
};

/// x where it is positive, else x times the weight of its channel, or of all.
struct PreluLayer {
  static constexpr const char* kType = "prelu";
  static constexpr bool kHasWeight = true;
  static constexpr double kWeightStart = 0.25;
  bool shared = false;

  static constexpr auto table() {
    using config::boolean, config::fields, config::Role;
    return fields(boolean<&PreluLayer::shared>("shared", "one weight for all channels", Role::kShape));
  }
  bool operator==(const PreluLayer&) const = default;
};

}  // namespace qrun
