// Quantization of parameters and activations: statistics, the parameters fitted to them, then code and decode.
#include "cpu/ops.h"
#include "cpu/statistics.h"
#include "quant/all.h"

namespace qrun::cpu {

void fit_activation(SlotId slot, Context& context) {
  const auto index = static_cast<std::size_t>(slot);
  const QuantSettings& settings = context.run.settings.activations[index];
  if (settings.method == kNoQuantizer) return;
  const ActivationInfo& info = context.run.plan.activations[index];
  const std::int64_t size = context.run.shape(info.x).size();
  const Pieces pieces{context.run.buffer(info.x).value.data(), size * kLanes, context.blocks(),
                      valid_lanes(context.n, context.blocks() - 1)};
  std::optional<QStats> stats =
      statistics_of(pieces, AllQuantizers::kInfos[settings.method].needs, size * context.n, context);
  if (!stats) return context.run.diverge(info.layer, name_of(Place::kActivation));
  stats->max_abs = range_of(settings, stats->max_abs, context.run.range(slot), context.training);
  context.run.fit_of(slot) = fit(*stats, settings);
}

void compute(const QuantizeOp& op, Context& context) {
  fit_activation(op.slot, context);
  const auto slot = static_cast<std::size_t>(op.slot);
  const int method = context.run.settings.activations[slot].method;
  const QParams& params = context.run.fit_of(op.slot);
  const float* x = context.run.buffer(op.x).value.data();
  float* y = context.run.buffer(op.y).value.data();
  for_pieces(context, context.floats(op.x), [&](std::int64_t begin, std::int64_t n) {
    if (method == kNoQuantizer) {
      std::copy_n(x + begin, n, y + begin);
    } else {
      context.kernels.quantize(method, params, x + begin, y + begin, n);
    }
  });
}

void compute(const QuantizeBackwardOp& op, Context& context) {
  const auto slot = static_cast<std::size_t>(op.slot);
  const QuantSettings& settings = context.run.settings.activations[slot];
  const QParams& params = context.run.fit_of(op.slot);
  const float* x = context.run.buffer(op.x).value.data();
  const float* dy = context.run.buffer(op.y).gradient.data();
  float* dx = context.run.buffer(op.dx).gradient.data();
  for_pieces(context, context.floats(op.x), [&](std::int64_t begin, std::int64_t n) {
    if (settings.masks()) {
      context.kernels.mask_saturated(settings.method, params, x + begin, dy + begin, dx + begin, n);
    } else {
      std::copy_n(dy + begin, n, dx + begin);
    }
  });
}

void compute(const QuantizeParamOp& op, Context& context) {
  const auto index = static_cast<std::size_t>(op.param);
  const QuantSettings& settings = context.run.settings.params[index].quant;
  ParamMemory& memory = context.run.params[index];
  if (settings.method == kNoQuantizer || memory.given) return;
  const Blob& blob = context.run.plan.params[index];
  const std::int64_t channels = std::ssize(memory.params);
  const std::int64_t slice = blob.size() / channels;
  for (std::int64_t channel = 0; channel < channels; ++channel) {
    const float* master = memory.master.data() + channel * slice;
    float* value = memory.value.data() + channel * slice;
    std::optional<QStats> stats =
        statistics_of({master, slice, 1, kLanes}, AllQuantizers::kInfos[settings.method].needs, slice, context);
    if (!stats) return context.run.diverge(blob.layer, blob.address().in_layer());
    stats->max_abs = range_of(settings, stats->max_abs);
    const QParams params = fit(*stats, settings);
    memory.params[static_cast<std::size_t>(channel)] = params;
    for_pieces(context, slice, [&](std::int64_t begin, std::int64_t n) {
      context.kernels.quantize(settings.method, params, master + begin, value + begin, n);
    });
  }
}

void compute(const QuantizeParamBackwardOp& op, Context& context) {
  const QuantSettings& settings = context.run.settings.params[static_cast<std::size_t>(op.param)].quant;
  if (!settings.masks()) return;
  ParamMemory& memory = context.run.param(op.param);
  const std::int64_t channels = std::ssize(memory.params);
  const std::int64_t slice = memory.master.size() / channels;
  context.workers.parallel(channels, [&](std::int64_t c) {
    float* gradient = memory.gradient.data() + c * slice;
    context.kernels.mask_saturated(settings.method, memory.params[static_cast<std::size_t>(c)],
                                   memory.master.data() + c * slice, gradient, gradient, slice);
  });
}

}  // namespace qrun::cpu
