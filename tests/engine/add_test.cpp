// Sums of several inputs against plain loops.
#include "engine/support.h"

namespace qrun {
namespace {

TEST_P(EngineTest, AddsItsInputsEachTimesItsCoefficient) {
  const Shape shape{3, 5, 3};
  const std::vector<Floats> all_coefficients = {{1, 1}, {-2, 0.1F, 3}, {0, 1, -1, 0.3F}};
  for (const Floats& coefficients : all_coefficients) {
    for (const std::int64_t n : {1, 18}) {
      StepPlan p(n);
      std::vector<BufferId> x;
      std::vector<Floats> xs;
      for (std::size_t i = 0; i < coefficients.size(); ++i) {
        x.push_back(p.buffer(shape));
        xs.push_back(normal(n * shape.size(), 30 + i));
      }
      const BufferId y = p.buffer(shape);
      p.step(AddOp{x, y, coefficients});
      for (std::size_t i = 0; i < x.size(); ++i) p.step(AddBackwardOp{x[i], y, coefficients[i]});
      const auto program = load(p.plan);
      StepAccess& steps = program->steps();
      const Floats dys = normal(n * shape.size(), 40);
      for (std::size_t i = 0; i < x.size(); ++i) steps.write(0, Operand::value(x[i]), n, xs[i]);
      steps.write(0, Operand::gradient(y), n, dys);
      for (std::size_t step = 0; step < p.plan.steps.size(); ++step) steps.run_step(0, step, n);
      expect_sums(steps.read(0, Operand::value(y), n), ref::add(xs, coefficients), std::ssize(coefficients), "y");
      for (std::size_t i = 0; i < x.size(); ++i) {
        const Floats dx = steps.read(0, Operand::gradient(x[i]), n);
        for (std::size_t k = 0; k < dx.size(); ++k) ASSERT_EQ(dx[k], coefficients[i] * dys[k]) << i << " at " << k;
      }
    }
  }
}

}  // namespace
}  // namespace qrun
