#include "math/dropout.h"

#include "cpu/ops.h"

namespace qrun::cpu {
namespace {

/// `size` is that of one image.
void drop_out(DropoutId id, std::int64_t size, const float* x, float* y, const Context& context) {
  const RunMemory& run = context.run;
  const double p = context.training ? run.settings.dropouts[static_cast<std::size_t>(id)] : 0.0;
  const DropoutMask mask =
      dropout_mask(run.settings.seed, static_cast<std::uint32_t>(id), run.iteration * run.plan.accumulate + run.batch,
                   run.plan.train_batch * size, p);
  for_pieces(context, context.blocks() * size * kLanes, [&](std::int64_t begin, std::int64_t n) {
    for (std::int64_t i = begin; i < begin + n; i += kLanes) {
      const std::int64_t block = i / (size * kLanes);
      const std::int64_t position = block * kLanes * size + i / kLanes % size;
      for (std::int64_t lane = 0; lane < kLanes; ++lane)
        y[i + lane] = dropped_out(x[i + lane], mask, position + lane * size);
    }
  });
}

}  // namespace

void compute(const DropoutOp& op, Context& context) {
  drop_out(op.id, context.run.shape(op.x).size(), context.run.buffer(op.x).value.data(),
           context.run.buffer(op.y).value.data(), context);
}

void compute(const DropoutBackwardOp& op, Context& context) {
  drop_out(op.id, context.run.shape(op.dx).size(), context.run.buffer(op.y).gradient.data(),
           context.run.buffer(op.dx).gradient.data(), context);
}

}  // namespace qrun::cpu
