// One task a block of images; the blocks' losses are added in order.
#include <cmath>

#include "cpu/ops.h"
#include "math/softmax.h"

namespace qrun::cpu {

void compute(const SoftmaxCrossEntropyOp& op, Context& context) {
  RunMemory& run = context.run;
  const float* x = run.buffer(op.x).value.data();
  float* dx = context.training ? run.buffer(op.x).gradient.data() : nullptr;
  const auto batch = static_cast<double>(context.n);
  const double smoothing = run.settings.label_smoothing;
  run.partial.assign(static_cast<std::size_t>(context.blocks()), Sums{});
  context.workers.parallel(context.blocks(), [&](std::int64_t block) {
    const std::int64_t valid = valid_lanes(context.n, block);
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      const std::int64_t at = block * op.classes * kLanes + lane;
      if (lane < valid) {
        const std::int32_t label = run.labels[static_cast<std::size_t>(block * kLanes + lane)];
        run.partial[static_cast<std::size_t>(block)].sum +=
            softmax_loss(x + at, kLanes, op.classes, label, smoothing, batch, dx == nullptr ? nullptr : dx + at);
      } else if (dx != nullptr) {
        for (std::int64_t c = 0; c < op.classes; ++c) dx[at + c * kLanes] = 0.0f;  // padded images teach nothing
      }
    }
  });
  run.loss = 0;
  for (const Sums& sums : run.partial) run.loss += sums.sum / batch;
  if (!std::isfinite(run.loss)) run.diverge(run.plan.buffers[static_cast<std::size_t>(op.x)].layer, "loss");
}

}  // namespace qrun::cpu
