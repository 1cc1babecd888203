// Solvers and learning-rate policies: what belongs to which, and the defaults.
#include "support.h"

namespace qrun::test {
namespace {

Solver solver_of(const std::string& keys) { return read(with("solver: {lr: 0.01}", "solver: {" + keys + "}")).solver; }
Lines solver_mistakes(const std::string& keys) {
  return mistakes(with("solver: {lr: 0.01}", "solver: {" + keys + "}"));
}

TEST(SolverSpec, DefaultsDependOnTheType) {
  const Solver sgd = solver_of("lr: 0.1");
  EXPECT_EQ(sgd.type, SolverType::kSgd);
  EXPECT_EQ(sgd.momentum, 0);
  EXPECT_EQ(sgd.weight_decay, 0);
  EXPECT_EQ(sgd.lr_policy.type, LrPolicyType::kFixed);
  const Solver adam = solver_of("type: adam, lr: 0.1");
  EXPECT_EQ(adam.beta1, 0.9);
  EXPECT_EQ(adam.beta2, 0.999);
  EXPECT_EQ(adam.epsilon, 1e-8);
  EXPECT_EQ(solver_of("type: adagrad, lr: 0.1").epsilon, 1e-8);
  EXPECT_EQ(solver_of("type: rmsprop, lr: 0.1").decay, 0.99);
  const Solver adadelta = solver_of("lr: 1, type: adadelta");
  EXPECT_EQ(adadelta.momentum, 0.95);
  EXPECT_EQ(adadelta.epsilon, 1e-6);
  EXPECT_EQ(solver_of("momentum: 0.5, lr: 1, type: adadelta").momentum, 0.5) << "whatever the order of the keys";
}

TEST(SolverSpec, KeysOfAnotherTypeMayStandAndAreNotUsed) {
  EXPECT_EQ(solver_of("lr: 1, type: adam, momentum: 0.5, decay: 0.5"), solver_of("lr: 1, type: adam"));
  EXPECT_EQ(solver_of("lr: 1, momentum: 0.5, beta1: 0.1, epsilon: 1"), solver_of("lr: 1, momentum: 0.5"));
  EXPECT_EQ(solver_mistakes("lr: 1, type: sgd, momentu: 0.5"),
            Lines{"a.yaml:8:28: solver.momentu: unknown key; did you mean momentum?"});
}

TEST(SolverSpec, KeysOfAnotherTypeAreChecked) {
  EXPECT_EQ(solver_mistakes("lr: 1, type: adam, momentum: banana"),
            Lines{"a.yaml:8:39: solver.momentum: banana is not a finite number; write one such as 0.01 or 1.0e-4"});
  EXPECT_EQ(
      solver_mistakes("lr: 1, beta1: 2, epsilon: 0"),
      (Lines{"a.yaml:8:24: solver.beta1: 2 is outside [0, 1)", "a.yaml:8:36: solver.epsilon: 0 is outside (0, inf)"}));
  EXPECT_EQ(solver_mistakes("lr: 1, lr_policy: {gamma: [1], power: -1, step_size: 0, steps: 3}").size(), 4U);
  EXPECT_EQ(solver_mistakes("lr: 1, momentum: 0.5, type: adam, lr_policy: {gamma: -1, power: null, steps: [1, 2]}"),
            Lines{})
      << "a gamma that a sigmoid may have";
  EXPECT_EQ(solver_of("lr: 1, lr_policy: {gamma: -1, step_size: 2, steps: [1, 2]}"), solver_of("lr: 1"));
  EXPECT_EQ(mistakes(with("{lr: 0.01}", "{lr: 1, momentum: 3}") + "sweep: {grid: {solver.type: [sgd, adam]}}\n"),
            Lines{"a.yaml:8:27: solver.momentum: 3 is outside [0, 1)"});
}

TEST(SolverSpec, AnUnknownTypeIsTheOnlyMistake) {
  EXPECT_EQ(solver_mistakes("lr: 1, type: adan, beta1: 0.5, momentum: 0.5"),
            Lines{"a.yaml:8:23: solver.type: adan is not known; did you mean adam?"});
  EXPECT_EQ(solver_mistakes("lr: 1, type: [sgd], beta1: 0.5"),
            Lines{"a.yaml:8:23: solver.type: is a list; one of sgd, nesterov, adam, adagrad, rmsprop, adadelta"});
  EXPECT_EQ(solver_mistakes("lr: 1, lr_policy: {type: stepp, gamma: 2}"),
            Lines{"a.yaml:8:35: solver.lr_policy.type: stepp is not known; did you mean step?"});
}

TEST(SolverSpec, EveryPolicyReadsItsKeysAndMissesThem) {
  struct Policy {
    std::string type, keys;
    std::vector<std::string> required;
  };
  const std::vector<Policy> policies = {
      {"fixed", "", {}},
      {"step", ", gamma: 0.5, step_size: 3", {"gamma", "step_size"}},
      {"multistep", ", gamma: 0.5, steps: [3, 5]", {"gamma", "steps"}},
      {"exp", ", gamma: 0.5", {"gamma"}},
      {"inv", ", gamma: 0.5, power: 0.75", {"gamma", "power"}},
      {"poly", ", power: 0.75", {"power"}},
      {"sigmoid", ", gamma: -0.5, step_size: 3", {"gamma", "step_size"}},
      {"cosine", "", {}},
  };
  for (std::size_t i = 0; i < policies.size(); ++i) {
    const Policy& policy = policies[i];
    const Solver solver = solver_of("lr: 1, lr_policy: {type: " + policy.type + policy.keys + "}");
    EXPECT_EQ(static_cast<std::size_t>(solver.lr_policy.type), i);
    const Lines lines = solver_mistakes("lr: 1, lr_policy: {type: " + policy.type + "}");
    ASSERT_EQ(lines.size(), policy.required.size()) << policy.type;
    for (std::size_t k = 0; k < lines.size(); ++k) {
      EXPECT_EQ(lines[k].find("a.yaml:8:28: solver.lr_policy." + policy.required[k] + ": is missing; "), 0U)
          << lines[k];
    }
  }
}

TEST(SolverSpec, KeysOfAnotherPolicyMayStandAndAreNotUsed) {
  EXPECT_EQ(solver_of("lr: 1, lr_policy: {power: 2}"), solver_of("lr: 1"));
  EXPECT_EQ(solver_of("lr: 1, lr_policy: {type: exp, gamma: 1, step_size: 2}"),
            solver_of("lr: 1, lr_policy: {type: exp, gamma: 1}"));
  EXPECT_EQ(solver_mistakes("lr: 1, lr_policy: {type: exp, gamma: -1}"),
            Lines{"a.yaml:8:47: solver.lr_policy.gamma: -1 is outside [0, inf)"});
}

TEST(SolverSpec, StepsAscend) {
  const auto steps = [](const std::string& list) {
    return solver_mistakes("lr: 1, lr_policy: {type: multistep, gamma: 0.1, steps: " + list + "}");
  };
  EXPECT_EQ(steps("[1, 2, 30]"), Lines{});
  EXPECT_EQ(steps("[3, 3]"),
            Lines{"a.yaml:8:69: solver.lr_policy.steps[1]: 3 is not after 3; list the steps in ascending order"});
  EXPECT_EQ(steps("[]"), Lines{"a.yaml:8:65: solver.lr_policy.steps: is an empty list; give at least one iteration"});
  EXPECT_EQ(steps("7"),
            Lines{"a.yaml:8:65: solver.lr_policy.steps: 7 is a single value; a list of iterations is wanted"});
}

}  // namespace
}  // namespace qrun::test
