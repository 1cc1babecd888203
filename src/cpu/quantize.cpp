// Quantization of parameters and activations: statistics over pieces of fixed size, added in order; then code and
// decode.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "cpu/ops.h"
#include "quant/all.h"
#include "quant/measure.h"

namespace qrun::cpu {
namespace {

constexpr std::int64_t kPiece = 1024 * kLanes;  // floats

/// A tensor cut into pieces; a piece never spans two blocks of images, so that its padded lanes are known.
struct Pieces {
  const float* x;
  std::int64_t block_size;  // floats
  std::int64_t blocks;
  std::int64_t last_valid;  // lanes in use in the last block

  [[nodiscard]] std::int64_t per_block() const { return (block_size + kPiece - 1) / kPiece; }
  [[nodiscard]] std::int64_t count() const { return blocks * per_block(); }
  template <class Measure>
  auto measure(std::int64_t piece, const Measure& one) const {
    const std::int64_t block = piece / per_block();
    const std::int64_t begin = piece % per_block() * kPiece;
    const std::int64_t valid = block + 1 == blocks ? last_valid : kLanes;
    return one(x + block * block_size + begin, std::min(kPiece, block_size - begin), valid);
  }
};

/// Adds what `one(x, n, valid)` gives for each piece.
template <class Measure>
Sums add_pieces(const Pieces& pieces, Context& context, const Measure& one) {
  std::vector<Sums>& partial = context.run.partial;
  partial.resize(static_cast<std::size_t>(pieces.count()));
  context.workers.parallel(pieces.count(),
                           [&](std::int64_t i) { partial[static_cast<std::size_t>(i)] = pieces.measure(i, one); });
  Sums total;
  for (const Sums& sums : partial) {
    total.sum += sums.sum;
    total.other += sums.other;
  }
  return total;
}

double max_abs(const Pieces& pieces, Context& context) {
  std::vector<Sums>& partial = context.run.partial;
  partial.resize(static_cast<std::size_t>(pieces.count()));
  context.workers.parallel(pieces.count(), [&](std::int64_t i) {
    const std::uint32_t bits = pieces.measure(i, context.kernels.max_abs_bits);
    partial[static_cast<std::size_t>(i)].sum = bits;
  });
  std::uint32_t best = 0;
  for (const Sums& sums : partial) best = std::max(best, static_cast<std::uint32_t>(sums.sum));
  return static_cast<double>(std::bit_cast<float>(best));
}

/// Sums of x - shift and of its square.
Sums moments(const Pieces& pieces, double shift, Context& context) {
  return add_pieces(pieces, context, [&](const float* x, std::int64_t size, std::int64_t valid) {
    return context.kernels.moments(x, size, valid, shift);
  });
}

/// Sum and number of |x| > delta.
Sums above(const Pieces& pieces, double delta, Context& context) {
  return add_pieces(pieces, context, [&](const float* x, std::int64_t size, std::int64_t valid) {
    return context.kernels.above(x, size, valid, delta);
  });
}

/// Mean and deviation. Squares about zero lose as many bits as mean^2 has over the variance: beyond four bits a second
/// pass takes them about the mean.
void measure_moments(const Pieces& pieces, double n, Context& context, QStats& stats) {
  const Sums sums = moments(pieces, 0.0, context);
  stats.mean = sums.sum / n;
  double variance = sums.other / n - stats.mean * stats.mean;
  if (!(stats.mean * stats.mean <= 16 * variance)) variance = moments(pieces, stats.mean, context).other / n;
  stats.deviation = std::sqrt(variance);
}

/// Statistics for a method; `finite` turns false if x holds NaN or infinity.
QStats measure_pieces(const Pieces& pieces, Stat needs, std::int64_t count, Context& context, bool& finite) {
  QStats stats;
  const auto n = static_cast<double>(count);
  if (needs == Stat::kMaxAbs) {
    stats.max_abs = max_abs(pieces, context);
    finite = finite && std::isfinite(stats.max_abs);
  } else if (needs == Stat::kMoments) {
    measure_moments(pieces, n, context, stats);
    finite = finite && std::isfinite(stats.deviation);
  } else {
    const double sum = above(pieces, -1.0, context).sum;  // of all
    finite = finite && std::isfinite(sum);
    stats.delta = kTernaryDelta * sum / n;
    const Sums outer = above(pieces, stats.delta, context);
    stats.mean_above = outer.other > 0 ? outer.sum / outer.other : 0.0;
  }
  return stats;
}

}  // namespace

void fit_activation(SlotId slot, Context& context) {
  const auto index = static_cast<std::size_t>(slot);
  const QuantSettings& settings = context.run.settings.activations[index];
  if (settings.method == kNoQuantizer) return;
  const ActivationInfo& info = context.run.plan.activations[index];
  const std::int64_t size = context.run.shape(info.x).size();
  const Pieces pieces{context.run.buffer(info.x).value.data(), size * kLanes, context.blocks(),
                      valid_lanes(context.n, context.blocks() - 1)};
  bool finite = true;
  QStats stats =
      measure_pieces(pieces, AllQuantizers::kInfos[settings.method].needs, size * context.n, context, finite);
  if (!finite) {
    context.run.diverge(info.layer, "activation");
    return;
  }
  ActivationMemory& memory = context.run.activations[index];
  stats.max_abs = range_of(settings, stats.max_abs, memory.range, context.training);
  memory.params = fit(stats, settings);
}

void run(const QuantizeOp& op, Context& context) {
  fit_activation(op.slot, context);
  const auto slot = static_cast<std::size_t>(op.slot);
  const int method = context.run.settings.activations[slot].method;
  const QParams& params = context.run.activations[slot].params;
  const float* x = context.run.buffer(op.x).value.data();
  float* y = context.run.buffer(op.y).value.data();
  const std::int64_t size = context.blocks() * context.run.shape(op.x).size() * kLanes;
  context.workers.parallel((size + kPiece - 1) / kPiece, [&](std::int64_t piece) {
    const std::int64_t begin = piece * kPiece;
    const std::int64_t n = std::min(kPiece, size - begin);
    if (method == kNoQuantizer) {
      std::copy_n(x + begin, n, y + begin);
    } else {
      context.kernels.quantize(method, params, x + begin, y + begin, n);
    }
  });
}

void run(const QuantizeBackwardOp& op, Context& context) {
  const auto slot = static_cast<std::size_t>(op.slot);
  const QuantSettings& settings = context.run.settings.activations[slot];
  const bool clipped = settings.method != kNoQuantizer && settings.gradient == Gradient::kSteClipped;
  const QParams& params = context.run.activations[slot].params;
  const float* x = context.run.buffer(op.x).value.data();
  const float* dy = context.run.buffer(op.y).gradient.data();
  float* dx = context.run.buffer(op.x).gradient.data();
  const std::int64_t size = context.blocks() * context.run.shape(op.x).size() * kLanes;
  context.workers.parallel((size + kPiece - 1) / kPiece, [&](std::int64_t piece) {
    const std::int64_t begin = piece * kPiece;
    const std::int64_t n = std::min(kPiece, size - begin);
    if (clipped) {
      context.kernels.mask_saturated(settings.method, params, x + begin, dy + begin, dx + begin, n);
    } else {
      std::copy_n(dy + begin, n, dx + begin);
    }
  });
}

void run(const QuantizeParamOp& op, Context& context) {
  const auto index = static_cast<std::size_t>(op.param);
  const QuantSettings& settings = context.run.settings.params[index].quant;
  ParamMemory& memory = context.run.params[index];
  if (settings.method == kNoQuantizer || memory.given) return;
  const ParamInfo& info = context.run.plan.params[index];
  const std::int64_t channels = settings.per_channel ? info.dims[0] : 1;
  const std::int64_t slice = info.size() / channels;
  memory.params.resize(static_cast<std::size_t>(channels));
  for (std::int64_t channel = 0; channel < channels; ++channel) {
    const float* master = memory.master.data() + channel * slice;
    float* value = memory.value.data() + channel * slice;
    const Pieces pieces{master, slice, 1, kLanes};
    bool finite = true;
    QStats stats = measure_pieces(pieces, AllQuantizers::kInfos[settings.method].needs, slice, context, finite);
    if (!finite) return context.run.diverge(info.layer, info.blob());
    if (settings.range == Range::kFixed) stats.max_abs = settings.range_value;
    const QParams params = fit(stats, settings);
    memory.params[static_cast<std::size_t>(channel)] = params;
    context.workers.parallel(pieces.count(), [&](std::int64_t piece) {
      const std::int64_t begin = piece * kPiece;
      context.kernels.quantize(settings.method, params, master + begin, value + begin, std::min(kPiece, slice - begin));
    });
  }
}

}  // namespace qrun::cpu
