#include <algorithm>

#include "cpu/ops.h"

namespace qrun::cpu {
namespace {

/// Copies `size` floats of each block of images; blocks lie so far apart.
void copy_blocks(const float* from, std::int64_t from_apart, float* to, std::int64_t to_apart, std::int64_t size,
                 const Context& context) {
  context.workers.parallel(context.blocks(), [&](std::int64_t block) {
    std::copy_n(from + block * from_apart, size, to + block * to_apart);
  });
}

std::int64_t block_size(BufferId id, const Context& context) { return context.run.shape(id).size() * kLanes; }

}  // namespace

void compute(const ConcatOp& op, Context& context) {
  float* y = context.run.buffer(op.y).value.data();
  for (const BufferId x : op.x) {
    const std::int64_t size = block_size(x, context);
    copy_blocks(context.run.buffer(x).value.data(), size, y, block_size(op.y, context), size, context);
    y += size;
  }
}

void compute(const ConcatBackwardOp& op, Context& context) {
  const float* dy = context.run.buffer(op.y).gradient.data() + op.first * kLanes;
  const std::int64_t size = block_size(op.dx, context);
  copy_blocks(dy, block_size(op.y, context), context.run.buffer(op.dx).gradient.data(), size, size, context);
}

}  // namespace qrun::cpu
