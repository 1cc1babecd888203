// Statistics of a tensor in double, on the host: two passes, so that a large mean does not swallow the deviation.
// Engines have their own vectorised ones; this is for files, tests and anything that runs once.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "quant/all.h"

namespace qrun {

/// All statistics that `needs` names; zero for an empty tensor.
[[nodiscard]] inline QStats measure(std::span<const float> x, Stat needs) {
  QStats stats;
  if (x.empty()) return stats;
  const auto n = static_cast<double>(x.size());
  double sum = 0;
  double sum_abs = 0;
  for (const float v : x) {
    const double magnitude = std::fabs(static_cast<double>(v));
    sum += static_cast<double>(v);
    sum_abs += magnitude;
    stats.max_abs = magnitude > stats.max_abs ? magnitude : stats.max_abs;
  }
  if (needs == Stat::kMoments) {
    stats.mean = sum / n;
    double squares = 0;
    for (const float v : x) squares += (static_cast<double>(v) - stats.mean) * (static_cast<double>(v) - stats.mean);
    stats.deviation = std::sqrt(squares / n);
  } else if (needs == Stat::kTernary) {
    stats.delta = kTernaryDelta * sum_abs / n;
    double above = 0;
    std::int64_t count = 0;
    for (const float v : x) {
      const double magnitude = std::fabs(static_cast<double>(v));
      if (magnitude > stats.delta) {
        above += magnitude;
        ++count;
      }
    }
    stats.mean_above = count > 0 ? above / static_cast<double>(count) : 0.0;
  }
  return stats;
}

/// Codes of one tensor, or of each of its `channels` leading slices, under one method.
struct Encoded {
  std::vector<std::int32_t> codes;  // as x
  std::vector<QParams> params;      // one, or one a channel
};

/// `channels` is 1 for a whole tensor; x.size() is a multiple of it. `range_value` of the settings is honoured.
[[nodiscard]] inline Encoded encode(std::span<const float> x, const QuantSettings& settings, std::int64_t channels) {
  Encoded result;
  result.codes.resize(x.size());
  const std::size_t slice = x.size() / static_cast<std::size_t>(channels);
  for (std::int64_t c = 0; c < channels; ++c) {
    const std::span<const float> part = x.subspan(static_cast<std::size_t>(c) * slice, slice);
    QStats stats = measure(part, AllQuantizers::kInfos[settings.method].needs);
    stats.max_abs = range_of(settings, stats.max_abs);
    const QParams params = fit(stats, settings);
    AllQuantizers::visit(settings.method, [&]<class Q>() {
      for (std::size_t i = 0; i < slice; ++i)
        result.codes[static_cast<std::size_t>(c) * slice + i] = Q::code(part[i], params);
    });
    result.params.push_back(params);
  }
  return result;
}

}  // namespace qrun
