// Local response normalization against plain loops.
#include "engine/support.h"
#include "reference/channel_ops.h"

namespace qrun {
namespace {

struct Case {
  Shape shape;
  Lrn lrn;
};
const Case kCases[] = {
    {{7, 3, 4}, {.size = 5, .factor = 0.4, .beta = 0.75, .k = 1, .within = false}},
    {{7, 1, 1}, {.size = 3, .factor = 1, .beta = 0.75, .k = 2, .within = false}},
    {{2, 3, 3}, {.size = 9, .factor = 0.1, .beta = 1.5, .k = 0.5, .within = false}},
    {{3, 6, 5}, {.size = 3, .factor = 0.2, .beta = 0.75, .k = 1, .within = true}},
    {{1, 4, 9}, {.size = 7, .factor = 0.3, .beta = 0.5, .k = 1, .within = true}},
    {{2, 2, 2}, {.size = 1, .factor = 1, .beta = 0, .k = 1, .within = true}},
};

// The scale is rounded once, which s^-beta makes beta roundings of, and s^-(beta + 1) one more; y once, and dx.
TEST_P(EngineTest, NormalizesValuesByTheirNeighbours) {
  for (const Case& c : kCases) {
    for (const std::int64_t n : {1, 18}) {
      StepPlan p(n);
      const BufferId x = p.buffer(c.shape);
      const BufferId y = p.buffer(c.shape);
      const BufferId scale = p.buffer(c.shape);
      p.step(LrnOp{x, y, scale, c.shape, c.lrn});
      p.step(LrnBackwardOp{x, x, y, scale, c.shape, c.lrn});
      const auto program = load(p.plan);
      StepAccess& steps = program->steps();
      Floats xs = normal(n * c.shape.size(), 1);
      for (float& v : xs) v *= 3.0F;
      xs[0] = 0.0F;
      const Floats dys = normal(n * c.shape.size(), 2);
      steps.write(0, Operand::value(x), n, xs);
      steps.write(0, Operand::gradient(y), n, dys);
      steps.run_step(0, 0, n);
      steps.run_step(0, 1, n);
      const std::vector<double> scales = ref::lrn_scales(c.shape, n, c.lrn, xs);
      const std::vector<double> want = ref::lrn(c.lrn, xs, scales);
      const ref::Sums dx = ref::lrn_dx(c.shape, n, c.lrn, xs, dys);
      const Floats got_scales = steps.read(0, Operand::value(scale), n);
      const Floats ys = steps.read(0, Operand::value(y), n);
      const Floats dxs = steps.read(0, Operand::gradient(x), n);
      for (std::size_t i = 0; i < xs.size(); ++i) {
        ASSERT_NEAR(static_cast<double>(got_scales[i]), scales[i], 0x1.01p-24 * scales[i]) << i;
        ASSERT_NEAR(static_cast<double>(ys[i]), want[i], 0x1.01p-24 * (c.lrn.beta + 1) * std::fabs(want[i])) << i;
        ASSERT_NEAR(static_cast<double>(dxs[i]), dx[i].value, 0x1.01p-24 * (c.lrn.beta + 3) * dx[i].magnitude) << i;
      }
    }
  }
}

}  // namespace
}  // namespace qrun
