#include "cpu/ops.h"

namespace qrun::cpu {
void compute(const UpdateOp& op, Context& context) {
  const RunMemory& run = context.run;
  const ParamSettings& settings = run.settings.params[static_cast<std::size_t>(op.param)];
  const Solver& solver = run.settings.solver;
  const UpdateParams update = update_params(solver, rate_of(solver, run.iteration, run.settings.iterations),
                                            settings.lr_mult, settings.decay_mult);
  ParamMemory& memory = context.run.param(op.param);
  for_pieces(context, memory.master.size(), [&](std::int64_t begin, std::int64_t n) {
    float* second = memory.history[1].size() > 0 ? memory.history[1].data() + begin : nullptr;
    context.kernels.update(solver.type, update, memory.gradient.data() + begin, memory.master.data() + begin,
                           memory.history[0].data() + begin, second, n);
  });
}

}  // namespace qrun::cpu
