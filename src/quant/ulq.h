// src/quant/ulq.h - uL2Q, ultra-low loss quantization (Cheng et al., IJCNN 2019, Algorithm 1).
//   alpha = lambda_k * std + 1e-7
//   q     = round(clip((x - mean) / alpha + 0.5, 1 - 2^(k-1), 2^(k-1)))      code = q - 1
//   value = (q - 0.5) * alpha + mean = alpha * code + (mean + 0.5 * alpha)
#pragma once
#include "quant/quantizer.h"

namespace qrun {
struct Ulq {
  static constexpr QuantInfo kInfo{.name = "ulq",
                                   .alias = "ULQ",
                                   .min_bits = 1,
                                   .code_bias = 1,
                                   .needs = Stat::kMoments,
                                   .has_lambda = true,
                                   .stored = {{"delta", &QParams::delta}}};

  /// The step for a standard normal. `optimal` minimises the mean squared error: scripts/optimal_lambda.py prints it.
  QRUN_HD static double lambda(Lambda table, int bits) {
    constexpr double kOriginal[8] = {1.5950161625215948,   0.99529008541347519, 0.5872211503939504,
                                     0.3358904980253396,   0.18944224088629152, 0.10570877041455067,
                                     0.057082736023857356, 0.030482181036739827};
    constexpr double kPaper[8] = {1.5959, 0.9894, 0.5838, 0.3327, 0.1897, 0.1043, 0.0563, 0.0304};
    constexpr double kOptimal[8] = {1.5957691216057306, 0.9956866859435065, 0.5860194414434869, 0.3352006121999728,
                                    0.1881387902799179, 0.1040630094420140, 0.0568676723823577, 0.0307623875823237};
    if (bits > 8) return 6.2 / static_cast<double>((1 << bits) - 1);
    if (table == Lambda::kOptimal) return kOptimal[bits - 1];
    return table == Lambda::kPaper ? kPaper[bits - 1] : kOriginal[bits - 1];
  }

  QRUN_HD static QParams fit(const QStats& s, const QuantSettings& settings) {
    const auto half = static_cast<float>(1 << (settings.bits - 1));
    const double alpha = lambda(settings.lambda, settings.bits) * s.deviation + 1e-7;
    QParams p;
    p.scale = static_cast<float>(alpha);
    p.inverse = static_cast<float>(1.0 / alpha);
    p.offset = static_cast<float>(s.mean + 0.5 * alpha);
    p.low = 1.0f - half;
    p.high = half;
    p.center = static_cast<float>(s.mean);
    p.center_low = static_cast<float>(s.mean - static_cast<double>(p.center));
    p.alpha = alpha;
    p.delta = s.mean;
    return p;
  }
  QRUN_HD static float steps(float x, const QParams& p) { return ((x - p.center) - p.center_low) * p.inverse + 0.5f; }
  QRUN_HD static std::int32_t code(float x, const QParams& p) {
    return round_half_away(clamp_steps(steps(x, p), p.low, p.high)) - 1;
  }
  QRUN_HD static bool saturates(float x, const QParams& p) { return rounds_outside(steps(x, p), p.low, p.high); }
};
static_assert(Quantizer<Ulq>);
}  // namespace qrun
