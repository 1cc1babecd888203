// The types of layers that scale values by what is learned of channels or by their neighbours: a struct each, as in
// layer_types.h.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "config/fields/max_size.h"
#include "config/table/field.h"
#include "core/enum_names.h"

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

enum class LrnRegion : std::uint8_t { kAcross, kWithin };
inline constexpr std::array kLrnRegionNames = {"across", "within"};
constexpr const auto& names_of(LrnRegion /*region*/) { return kLrnRegionNames; }
static_assert(names_all_to(LrnRegion::kWithin));

/// x (k + alpha / size sum)^-beta, where the sum is that of squares of the channels around; or within a channel
/// x (1 + alpha / size^2 sum)^-beta, of the pixels around.
struct LrnLayer {
  static constexpr const char* kType = "lrn";
  static constexpr bool kHasWeight = false;
  std::int64_t size = 5;
  double alpha = 1e-4;
  double beta = 0.75;
  LrnRegion region = LrnRegion::kAcross;
  double k = 1;

  static void read_size(LrnLayer& lrn, const config::Value& value);
  static bool is_within(const LrnLayer& lrn) { return lrn.region == LrnRegion::kWithin; }
  static std::string why_no_k(const LrnLayer& lrn);

  static constexpr auto table() {
    using config::choice, config::fields, config::integer, config::kMaxSize, config::number, config::Role;
    return fields(
        integer<&LrnLayer::size>("size", "channels around, or side of the window; odd", Role::kShape, {1, kMaxSize})
            .read_by<read_size>(),
        number<&LrnLayer::alpha>("alpha", "factor on the mean of squares", Role::kShape, config::kNotNegative),
        number<&LrnLayer::beta>("beta", "exponent", Role::kShape, config::kNotNegative),
        choice<&LrnLayer::region>("region", "neighbours in other channels, or within a channel", Role::kShape),
        number<&LrnLayer::k>("k", "added to the squares, across channels", Role::kShape, config::kPositive)
            .refused_if<is_within, why_no_k>());
  }
  bool operator==(const LrnLayer&) const = default;
};

}  // namespace qrun
