// What every quantizer shares: settings, statistics, parameters, rounding, and the one decode formula
//   value = scale * code + offset        evaluated as fl(fl(scale * code) + offset), no fused multiply-add.
// Each method is one header of host+device functions beside this file; the list of them is all.h.
#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>

#include "core/hd.h"

namespace qrun {

enum class Lambda : std::uint8_t { kOriginal, kPaper, kOptimal };
inline constexpr std::array kLambdaNames = {"original", "paper", "optimal"};
constexpr const auto& names_of(Lambda /*lambda*/) { return kLambdaNames; }
static_assert(kLambdaNames.size() == static_cast<std::size_t>(Lambda::kOptimal) + 1);

enum class Gradient : std::uint8_t { kSte, kSteClipped };
inline constexpr std::array kGradientNames = {"ste", "ste_clipped"};
constexpr const auto& names_of(Gradient /*gradient*/) { return kGradientNames; }
static_assert(kGradientNames.size() == static_cast<std::size_t>(Gradient::kSteClipped) + 1);

enum class Range : std::uint8_t { kBatch, kEma, kFixed };
inline constexpr std::array kRangeNames = {"batch", "ema", "fixed"};  // a configuration writes the number of `fixed`
constexpr const auto& names_of(Range /*range*/) { return kRangeNames; }
static_assert(kRangeNames.size() == static_cast<std::size_t>(Range::kFixed) + 1);

inline constexpr int kNoQuantizer = -1;
inline constexpr double kTernaryDelta = 0.7;  // delta = 0.7 mean(|x|), Li et al. 2016

/// How one blob is quantized, as the configuration says it. `method` is an index into AllQuantizers.
struct QuantSettings {
  int method = kNoQuantizer;
  int bits = 0;
  bool per_channel = false;  // weights only
  Gradient gradient = Gradient::kSte;
  Lambda lambda = Lambda::kOriginal;  // ulq
  Range range = Range::kBatch;        // clip
  double range_value = 0;             // clip, Range::kFixed
  double ema_momentum = 0.9;          // clip, Range::kEma

  /// True where the gradient of what saturates is 0.
  [[nodiscard]] QRUN_HD bool masks() const { return method != kNoQuantizer && gradient == Gradient::kSteClipped; }
  bool operator==(const QuantSettings&) const = default;
};

/// Which statistics of x a method needs.
enum class Stat : std::uint8_t {
  kMoments,  // mean, deviation
  kMaxAbs,   // max_abs
  kTernary,  // delta, mean_above
};

/// Statistics of one tensor (or one output channel of it), in double.
struct QStats {
  double mean = 0;
  double deviation = 0;   // of the population
  double max_abs = 0;     // for clip: what `range` makes of it
  double delta = 0;       // 0.7 * mean(|x|)
  double mean_above = 0;  // mean of |x| over |x| > delta; 0 if there is none
};

/// Everything needed to encode and decode; rounded to float32 once, from double.
struct QParams {
  float scale = 1;
  float offset = 0;
  float inverse = 1;  // 1 / scale, rounded from double: encoding multiplies
  float low = 0;      // smallest and largest value before rounding, in steps
  float high = 0;
  float center = 0;  // ulq: the mean as the sum of two floats, so that x - mean keeps float precision
  float center_low = 0;
  float threshold = 0;        // ternary: the largest float not above delta
  std::int32_t fixedpos = 0;  // what files report beside the codes
  std::int32_t alpha_int = 0;
  double alpha = 0;
  double delta = 0;
};

/// nvcc writes a member pointer without an alias in parentheses, of which g++ warns.
template <class T>
using ParameterOf = T QParams::*;

/// A parameter that files hold beside scale, offset and alpha, and what they call it.
struct StoredParameter {
  constexpr StoredParameter() = default;
  constexpr StoredParameter(const char* called, ParameterOf<double> member) : name(called), real(member) {}
  constexpr StoredParameter(const char* called, ParameterOf<std::int32_t> member) : name(called), integer(member) {}

  const char* name = nullptr;  // nullptr: none
  ParameterOf<double> real = nullptr;
  ParameterOf<std::int32_t> integer = nullptr;  // where it is not real
};

/// Facts about a method, for readers of configurations and files. A method states what is special about it.
struct QuantInfo {
  const char* name = nullptr;
  const char* alias = nullptr;  // the original system's name
  int min_bits = 2;
  int max_bits = 16;
  int fixed_bits = 0;  // the only value `bits` may have, and its default; 0: free
  int code_bits = 0;   // 0: as `bits`
  int code_bias = 0;   // integer of the paper = code + code_bias
  Stat needs = Stat::kMaxAbs;
  bool has_lambda = false;
  bool has_range = false;
  StoredParameter stored[3] = {};  // in the order of files
};

/// Rounds half away from zero; |v| < 2^23. The largest float below 0.5 is added, not 0.5: 0.5 itself would lift the
/// largest float below 0.5 to 1, and the sum of a half and what is just below a half rounds up.
QRUN_HD std::int32_t round_half_away(float v) { return static_cast<std::int32_t>(v + copysignf(0x1.fffffep-2f, v)); }

/// Clamps into [low, high]; NaN becomes `low`, so that a conversion to integer is always defined.
QRUN_HD float clamp_steps(float v, float low, float high) {
  v = v > low ? v : low;
  return v < high ? v : high;
}

/// True where rounding `v` falls outside [low, high] (integers) before clamping.
QRUN_HD bool rounds_outside(float v, float low, float high) { return v >= high + 0.5f || v <= low - 0.5f; }

QRUN_HD float decode(std::int32_t code, const QParams& p) {
  const float scaled = p.scale * static_cast<float>(code);
  return scaled + p.offset;
}

/// Steps below the smallest normal float are raised to it, so that `inverse` is finite.
QRUN_HD double normal_step(double step) { return step > 0x1p-126 ? step : 0x1p-126; }

/// floor(log2(v)) of a positive number, from its exponent.
QRUN_HD std::int32_t floor_log2(double v) {
  int exponent = 0;
  (void)frexp(v, &exponent);
  return exponent - 1;
}

/// What `range` makes of the maximum of a parameter, which has no average over batches.
QRUN_HD double range_of(const QuantSettings& settings, double max_abs) {
  return settings.range == Range::kFixed ? settings.range_value : max_abs;
}

/// What `range` makes of a batch's maximum. `moving`, the average of Range::kEma, is negative before the first batch
/// and moves in training only.
QRUN_HD double range_of(const QuantSettings& settings, double max_abs, double& moving, bool training) {
  if (settings.range != Range::kEma) return range_of(settings, max_abs);
  if (training) {
    const double momentum = moving < 0 ? 0.0 : settings.ema_momentum;
    moving = momentum * moving + (1.0 - momentum) * max_abs;
  }
  return moving < 0 ? max_abs : moving;
}

template <class Q>
concept Quantizer = requires(float x, const QStats& stats, const QuantSettings& settings, const QParams& params) {
  { Q::kInfo } -> std::convertible_to<QuantInfo>;
  { Q::fit(stats, settings) } -> std::same_as<QParams>;  // statistics to parameters
  { Q::code(x, params) } -> std::same_as<std::int32_t>;  // value to code
  { Q::saturates(x, params) } -> std::same_as<bool>;     // rounded value outside the code range before clamping
};

}  // namespace qrun
