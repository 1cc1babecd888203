// Activations beside relu against double precision.
#include "engine/support.h"

namespace qrun {
namespace {

struct Case {
  Activation activation;
  const char* name;
};
const Case kCases[] = {{{ActivationType::kRelu6}, "relu6"},
                       {{ActivationType::kLeakyRelu, 0.25F}, "leaky_relu"},
                       {{ActivationType::kLeakyRelu, 0.0F}, "leaky_relu 0"},
                       {{ActivationType::kSigmoid}, "sigmoid"},
                       {{ActivationType::kTanh}, "tanh"}};

/// The derivative that y decides, as floats round it: y is what the engine has.
double derivative(const Activation& activation, double y) {
  switch (activation.type) {
    case ActivationType::kRelu6: return y > 0 && y < 6 ? 1 : 0;
    case ActivationType::kLeakyRelu: return y > 0 ? 1 : static_cast<double>(activation.slope);
    case ActivationType::kSigmoid: return y * (1 - y);
    case ActivationType::kTanh: break;
  }
  return 1 - y * y;
}

// y is rounded once, from a double that libraries get to a unit in its last place: 2^-24, and little more. In dx one is
// lost where 1 - y or 1 - y^2 is rounded, which 1 bounds, and in each of two products.
TEST_P(EngineTest, ActivatesAsDoublePrecisionDoes) {
  const std::int64_t n = 18;
  const Shape shape{3, 5, 7};
  for (const Case& c : kCases) {
    StepPlan p(n);
    const BufferId x = p.buffer(shape);
    const BufferId y = p.buffer(shape);
    p.step(ActivationOp{x, y, c.activation});
    p.step(ActivationBackwardOp{x, y, c.activation});
    const auto program = load(p.plan);
    StepAccess& steps = program->steps();
    Floats xs = normal(n * shape.size(), 1);
    for (float& v : xs) v *= 5.0F;
    const Floats edges = {0.0F, -0.0F, 6.0F, 100.0F, -100.0F, 1e-30F};
    std::ranges::copy(edges, xs.begin());
    const Floats dys = normal(n * shape.size(), 2);
    steps.write(0, Operand::value(x), n, xs);
    steps.write(0, Operand::gradient(y), n, dys);
    steps.run_step(0, 0, n);
    steps.run_step(0, 1, n);
    const Floats ys = steps.read(0, Operand::value(y), n);
    const Floats dxs = steps.read(0, Operand::gradient(x), n);
    for (std::size_t i = 0; i < xs.size(); ++i) {
      const double want = ref::activated(c.activation, static_cast<double>(xs[i]));
      ASSERT_NEAR(static_cast<double>(ys[i]), want, 0x1.1p-24 * std::fabs(want) + 0x1p-149) << c.name << " " << xs[i];
      const auto dy = static_cast<double>(dys[i]);
      const double dx = dy * derivative(c.activation, static_cast<double>(ys[i]));
      ASSERT_NEAR(static_cast<double>(dxs[i]), dx, 0x1p-24 * (2.1 * std::fabs(dx) + 2 * std::fabs(dy)))
          << c.name << " " << xs[i];
    }
  }
}

}  // namespace
}  // namespace qrun
