#include "config/fields/solver.h"

namespace qrun::config {

/// The type sets the defaults that depend on it.
void read_solver_type(Solver& solver, const Value& value) {
  const auto index = read_choice(value, names_of(SolverType{}));
  if (!index) return;
  solver.type = static_cast<SolverType>(*index);
  if (solver.type == SolverType::kAdadelta) {
    solver.momentum = 0.95;
    solver.epsilon = 1e-6;
  }
}

void read_gamma(LrPolicy& policy, const Value& value) {
  using enum LrPolicyType;
  const bool is_factor = !is_none_of<kStep, kMultistep, kExp, kInv>(policy);  // a sigmoid falls or rises by its sign
  if (const auto read = read_number(value, is_factor ? kNotNegative : kAnyNumber)) policy.gamma = *read;
}

void read_steps(LrPolicy& policy, const Value& value) {
  std::vector<std::int64_t>& steps = policy.steps;
  if (!value.node.is_list()) return value.fail_kind("a list of iterations is wanted");
  if (value.node.items.empty()) value.fail("is an empty list; give at least one iteration");
  for (std::size_t i = 0; i < value.node.items.size(); ++i) {
    const std::optional<std::uint64_t> step = read_integer(value.item(i), {1, kMany});
    if (!step) return;
    if (!steps.empty() && static_cast<std::int64_t>(*step) <= steps.back()) {
      return value.item(i).fail(std::to_string(*step) + " is not after " + std::to_string(steps.back()) +
                                "; list the steps in ascending order");
    }
    steps.push_back(static_cast<std::int64_t>(*step));
  }
}

void write_steps(const LrPolicy& policy, const Writing& to) {
  to.sink.open(Sink::Collection::kList);
  for (const std::int64_t step : policy.steps) to.sink.integer(step);
  to.sink.close();
}

Node schema_of_steps() { return schema_of_list(or_variable(schema_of_integer({1, kMany}))); }

}  // namespace qrun::config
