// Softmax over channels against plain loops.
#include "engine/support.h"
#include "reference/channel_ops.h"

namespace qrun {
namespace {

// y and dx are rounded once, from doubles: what sums in double lose is far below.
TEST_P(EngineTest, SharesOneAmongTheChannelsOfEachPixel) {
  const std::int64_t n = 18;
  for (const Shape& shape : {Shape{5, 3, 4}, Shape{300, 1, 1}, Shape{1, 2, 2}}) {
    StepPlan p(n);
    const BufferId x = p.buffer(shape);
    const BufferId y = p.buffer(shape);
    p.step(SoftmaxOp{x, y, shape});
    p.step(SoftmaxBackwardOp{x, y, shape});
    const auto program = load(p.plan);
    StepAccess& steps = program->steps();
    Floats xs = normal(n * shape.size(), 1);
    for (float& v : xs) v *= 5.0F;
    xs[0] = 1000.0F;
    xs[1] = -1000.0F;
    const Floats dys = normal(n * shape.size(), 2);
    steps.write(0, Operand::value(x), n, xs);
    steps.write(0, Operand::gradient(y), n, dys);
    steps.run_step(0, 0, n);
    steps.run_step(0, 1, n);
    const Floats ys = steps.read(0, Operand::value(y), n);
    const Floats dxs = steps.read(0, Operand::gradient(x), n);
    const std::vector<double> want = ref::softmax(shape, n, xs);
    const ref::Sums dx = ref::softmax_dx(shape, n, ys, dys);
    for (std::size_t i = 0; i < ys.size(); ++i) {
      ASSERT_NEAR(static_cast<double>(ys[i]), want[i], 0x1.1p-24 * want[i] + 0x1p-149) << i;
      ASSERT_NEAR(static_cast<double>(dxs[i]), dx[i].value,
                  0x1.1p-24 * std::fabs(dx[i].value) + 0x1p-42 * dx[i].magnitude + 0x1p-149)
          << i;
    }
  }
}

}  // namespace
}  // namespace qrun
