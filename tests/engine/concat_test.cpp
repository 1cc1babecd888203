// Inputs behind each other, and a change of shape, which is the same of one input.
#include "engine/support.h"
#include "reference/joining.h"

namespace qrun {
namespace {

TEST_P(EngineTest, PutsItsInputsBehindEachOther) {
  const std::vector<std::vector<Shape>> all_inputs = {
      {{3, 5, 3}, {2, 5, 3}, {7, 5, 3}}, {{9, 1, 1}, {1, 1, 1}}, {{3, 4, 5}}};
  for (const std::vector<Shape>& inputs : all_inputs) {
    for (const std::int64_t n : {1, 18}) {
      StepPlan p(n);
      std::vector<BufferId> x;
      std::vector<Floats> xs;
      std::vector<Floats> dxs;
      std::vector<std::int64_t> sizes;
      std::int64_t all = 0;
      for (const Shape& shape : inputs) {
        x.push_back(p.buffer(shape));
        xs.push_back(normal(n * shape.size(), 1 + xs.size()));
        dxs.push_back(normal(n * shape.size(), 11 + xs.size()));
        sizes.push_back(shape.size());
        all += shape.size();
      }
      const BufferId y = p.buffer({all, 1, 1});
      p.step(ConcatOp{x, y});
      std::int64_t first = 0;
      for (std::size_t i = 0; i < x.size(); first += sizes[i++]) p.step(ConcatBackwardOp{x[i], y, first});
      const auto program = load(p.plan);
      StepAccess& steps = program->steps();
      for (std::size_t i = 0; i < x.size(); ++i) steps.write(0, Operand::value(x[i]), n, xs[i]);
      steps.write(0, Operand::gradient(y), n, ref::concat(dxs, sizes, n));
      for (std::size_t step = 0; step < p.plan.steps.size(); ++step) steps.run_step(0, step, n);
      EXPECT_EQ(steps.read(0, Operand::value(y), n), ref::concat(xs, sizes, n));
      for (std::size_t i = 0; i < x.size(); ++i) EXPECT_EQ(steps.read(0, Operand::gradient(x[i]), n), dxs[i]) << i;
    }
  }
}

}  // namespace
}  // namespace qrun
