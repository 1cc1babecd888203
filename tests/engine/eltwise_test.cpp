// Sums, products and maxima of several inputs against plain loops.
#include "engine/support.h"
#include "reference/joining.h"

namespace qrun {
namespace {

constexpr Shape kShape{3, 5, 3};

/// An op of several inputs by itself, forward and backward.
struct EltwisePlan : StepPlan {
  std::int64_t n;
  std::vector<BufferId> x;
  BufferId y;

  EltwisePlan(Eltwise type, const Floats& coefficients, std::int64_t batch)
      : StepPlan(batch), n(batch), y(buffer(kShape)) {
    for (std::size_t i = 0; i < coefficients.size(); ++i) x.push_back(buffer(kShape));
    step(EltwiseOp{x, y, type, coefficients});
    for (std::size_t i = 0; i < x.size(); ++i)
      step(EltwiseBackwardOp{x[i], x, y, type, static_cast<int>(i), coefficients[i]});
  }
  [[nodiscard]] std::int64_t size() const { return n * kShape.size(); }
  void run(StepAccess& steps, const std::vector<Floats>& xs, const Floats& dy) const {
    for (std::size_t i = 0; i < x.size(); ++i) steps.write(0, Operand::value(x[i]), n, xs[i]);
    steps.write(0, Operand::gradient(y), n, dy);
    for (std::size_t step = 0; step < plan.steps.size(); ++step) steps.run_step(0, step, n);
  }
};

std::vector<Floats> normals(std::size_t count, std::int64_t n) {
  std::vector<Floats> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back(normal(n, 30 + i));
  return all;
}

TEST_P(EngineTest, AddsItsInputsEachTimesItsCoefficient) {
  const std::vector<Floats> all_coefficients = {{1, 1}, {-2, 0.1F, 3}, {0, 1, -1, 0.3F}};
  for (const Floats& coefficients : all_coefficients) {
    for (const std::int64_t n : {1, 18}) {
      const EltwisePlan p(Eltwise::kSum, coefficients, n);
      const auto program = load(p.plan);
      StepAccess& steps = program->steps();
      const std::vector<Floats> xs = normals(coefficients.size(), p.size());
      const Floats dy = normal(p.size(), 40);
      p.run(steps, xs, dy);
      expect_sums(steps.read(0, Operand::value(p.y), n), ref::add(xs, coefficients), std::ssize(coefficients), "y");
      for (std::size_t i = 0; i < xs.size(); ++i) {
        const Floats dx = steps.read(0, Operand::gradient(p.x[i]), n);
        for (std::size_t k = 0; k < dx.size(); ++k) ASSERT_EQ(dx[k], coefficients[i] * dy[k]) << i << " at " << k;
      }
    }
  }
}

// Each of k - 1 products rounds once, as does each of a sum's terms.
TEST_P(EngineTest, MultipliesItsInputs) {
  for (const std::size_t count : {2U, 4U}) {
    for (const std::int64_t n : {1, 18}) {
      const EltwisePlan p(Eltwise::kProduct, Floats(count, 1.0F), n);
      const auto program = load(p.plan);
      StepAccess& steps = program->steps();
      const std::vector<Floats> xs = normals(count, p.size());
      const Floats dy = normal(p.size(), 40);
      p.run(steps, xs, dy);
      expect_sums(steps.read(0, Operand::value(p.y), n), ref::multiply(xs, count), std::ssize(xs), "y");
      for (std::size_t i = 0; i < count; ++i) {
        std::vector<Floats> factors = xs;
        factors.push_back(dy);
        expect_sums(steps.read(0, Operand::gradient(p.x[i]), n), ref::multiply(factors, i), std::ssize(xs), "dx");
      }
    }
  }
}

TEST_P(EngineTest, TheGradientOfAMaximumGoesWhereCaffesGoes) {
  for (const std::size_t count : {2U, 3U, 5U}) {
    for (const std::int64_t n : {1, 18}) {
      const EltwisePlan p(Eltwise::kMax, Floats(count, 1.0F), n);
      const auto program = load(p.plan);
      StepAccess& steps = program->steps();
      std::vector<Floats> xs = normals(count, p.size());
      for (Floats& x : xs) {
        for (float& v : x) v = std::round(v);  // few distinct values: ties of all kinds
      }
      const Floats dy = normal(p.size(), 40);
      p.run(steps, xs, dy);
      const std::vector<std::size_t> winners = ref::largest(xs);
      const Floats y = steps.read(0, Operand::value(p.y), n);
      for (std::size_t k = 0; k < y.size(); ++k) ASSERT_EQ(y[k], xs[winners[k]][k]) << k;
      for (std::size_t i = 0; i < count; ++i) {
        const Floats dx = steps.read(0, Operand::gradient(p.x[i]), n);
        for (std::size_t k = 0; k < dx.size(); ++k)
          ASSERT_EQ(dx[k], winners[k] == i ? dy[k] : 0.0F) << i << " at " << k;
      }
    }
  }
}

TEST_P(EngineTest, AMaximumHandsNaNsOn) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const EltwisePlan p(Eltwise::kMax, {1, 1, 1}, 1);
  const auto program = load(p.plan);
  StepAccess& steps = program->steps();
  std::vector<Floats> xs(3, Floats(static_cast<std::size_t>(p.size()), 1.0F));
  for (std::size_t i = 0; i < 3; ++i) xs[i][i] = nan;
  p.run(steps, xs, Floats(static_cast<std::size_t>(p.size()), 1.0F));
  const Floats y = steps.read(0, Operand::value(p.y), 1);
  for (std::size_t k = 0; k < y.size(); ++k) EXPECT_EQ(std::isnan(y[k]), k < 3) << k;
}

}  // namespace
}  // namespace qrun
