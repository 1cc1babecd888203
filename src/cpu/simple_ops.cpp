// The short ops: relu, loss, update.
#include <algorithm>
#include <cmath>

#include "cpu/ops.h"
#include "quant/all.h"

namespace qrun::cpu {
namespace {

constexpr std::int64_t kPiece = 1024 * kLanes;  // floats a task

/// Loss of one image in double, and its gradient where `dx` is not nullptr. x, dx step by 16 from class to class.
double image_loss(const float* x, std::int64_t classes, std::int32_t label, double batch, float* dx) {
  auto largest = static_cast<double>(x[0]);
  for (std::int64_t c = 1; c < classes; ++c) largest = std::max(largest, static_cast<double>(x[c * kLanes]));
  double sum = 0;
  for (std::int64_t c = 0; c < classes; ++c) sum += std::exp(static_cast<double>(x[c * kLanes]) - largest);
  if (dx != nullptr) {
    for (std::int64_t c = 0; c < classes; ++c) {
      const double probability = std::exp(static_cast<double>(x[c * kLanes]) - largest) / sum;
      dx[c * kLanes] = static_cast<float>((probability - (c == label ? 1.0 : 0.0)) / batch);
    }
  }
  return std::log(sum) + largest - static_cast<double>(x[label * kLanes]);
}

}  // namespace

void run(const ReluOp& op, Context& context) {
  const float* x = context.run.buffer(op.x).value.data();
  float* y = context.run.buffer(op.y).value.data();
  const std::int64_t size = context.blocks() * context.run.shape(op.x).size() * kLanes;
  context.workers.parallel((size + kPiece - 1) / kPiece, [&](std::int64_t piece) {
    const std::int64_t begin = piece * kPiece;
    context.kernels.relu(x + begin, y + begin, std::min(kPiece, size - begin));
  });
}

void run(const ReluBackwardOp& op, Context& context) {
  const float* y = context.run.buffer(op.y).value.data();
  const float* dy = context.run.buffer(op.y).gradient.data();
  float* dx = context.run.buffer(op.x).gradient.data();
  const std::int64_t size = context.blocks() * context.run.shape(op.x).size() * kLanes;
  context.workers.parallel((size + kPiece - 1) / kPiece, [&](std::int64_t piece) {
    const std::int64_t begin = piece * kPiece;
    context.kernels.relu_backward(y + begin, dy + begin, dx + begin, std::min(kPiece, size - begin));
  });
}

void run(const SoftmaxCrossEntropyOp& op, Context& context) {
  RunMemory& run = context.run;
  const float* x = run.buffer(op.x).value.data();
  float* dx = context.training ? run.buffer(op.x).gradient.data() : nullptr;
  const auto batch = static_cast<double>(context.n);
  run.partial.assign(static_cast<std::size_t>(context.blocks()), Sums{});
  context.workers.parallel(context.blocks(), [&](std::int64_t block) {
    const std::int64_t valid = valid_lanes(context.n, block);
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      const std::int64_t at = block * op.classes * kLanes + lane;
      if (lane < valid) {
        const std::int32_t label = run.labels[static_cast<std::size_t>(block * kLanes + lane)];
        run.partial[static_cast<std::size_t>(block)].sum +=
            image_loss(x + at, op.classes, label, batch, dx == nullptr ? nullptr : dx + at);
      } else if (dx != nullptr) {
        for (std::int64_t c = 0; c < op.classes; ++c) dx[at + c * kLanes] = 0.0f;  // padded images teach nothing
      }
    }
  });
  run.loss = 0;
  for (const Sums& sums : run.partial) run.loss += sums.sum / batch;
  if (!std::isfinite(run.loss)) run.diverge(run.plan.buffers[static_cast<std::size_t>(op.x)].layer, "loss");
}

void run(const UpdateOp& op, Context& context) {
  RunMemory& run = context.run;
  const auto index = static_cast<std::size_t>(op.param);
  const ParamSettings& settings = run.settings.params[index];
  const Solver& solver = run.settings.solver;
  const UpdateParams update = update_params(solver, rate_of(solver, run.iteration, run.settings.iterations),
                                            settings.lr_mult, settings.decay_mult);
  ParamMemory& memory = run.params[index];
  const bool clipped = settings.quant.method != kNoQuantizer && settings.quant.gradient == Gradient::kSteClipped;
  const std::int64_t size = memory.master.size();
  const auto channels = static_cast<std::int64_t>(memory.params.size());
  if (clipped) {
    const std::int64_t slice = size / channels;
    context.workers.parallel(channels, [&](std::int64_t c) {
      float* gradient = memory.gradient.data() + c * slice;
      context.kernels.mask_saturated(settings.quant.method, memory.params[static_cast<std::size_t>(c)],
                                     memory.master.data() + c * slice, gradient, gradient, slice);
    });
  }
  context.workers.parallel((size + kPiece - 1) / kPiece, [&](std::int64_t piece) {
    const std::int64_t begin = piece * kPiece;
    float* second = memory.history[1].size() > 0 ? memory.history[1].data() + begin : nullptr;
    context.kernels.update(solver.type, update, memory.gradient.data() + begin, memory.master.data() + begin,
                           memory.history[0].data() + begin, second, std::min(kPiece, size - begin));
  });
}

}  // namespace qrun::cpu
