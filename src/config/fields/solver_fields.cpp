#include <algorithm>
#include <array>
#include <memory>

#include "config/fields/sections.h"
#include "config/yaml/names.h"

namespace qrun::config {
namespace {

const Names kSolvers = {"sgd", "nesterov", "adam", "adagrad", "rmsprop", "adadelta"};
const Names kPolicies = {"fixed", "step", "multistep", "exp", "inv", "poly", "sigmoid", "cosine"};

/// The field belongs to some of the types of its section; with another it may stand, is checked, and is not used.
template <class Section, class Enum>
Field only_for(Section& section, std::shared_ptr<bool> is_known, std::vector<Enum> types, Field field) {
  const auto unused = [&section, is_known = std::move(is_known), types = std::move(types)] {
    return *is_known && std::ranges::find(types, section.type) == types.end();
  };
  field.read = [&section, unused, read = std::move(field.read)](const Value& value) {
    if (!unused()) return read(value);
    const Section before = section;
    read(value);
    section = before;
  };
  return unused_if(unused, std::move(field));
}

Field steps_field(std::vector<std::int64_t>& steps) {
  Field field;
  field.name = "steps";
  field.about = "iterations at which the rate is multiplied by gamma, ascending";
  field.read = [&steps](const Value& value) {
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
  };
  field.write = [&steps] {
    std::vector<Node> items;
    for (const std::int64_t step : steps) items.push_back(plain_node(std::to_string(step)));
    return list_node(std::move(items));
  };
  field.schema = [] {
    return map_node({{"type", text_node("array")}, {"items", or_variable(schema_of_integer({1, kMany}))}});
  };
  return field;
}

Fields policy_fields(LrPolicy& policy) {
  using enum LrPolicyType;
  const auto known = std::make_shared<bool>(true);
  const auto only = [&policy, known](std::vector<LrPolicyType> types, Field field) {
    return required_if([known] { return *known; }, only_for(policy, known, std::move(types), std::move(field)));
  };
  Field gamma = number("gamma", "the policy's factor", policy.gamma, kAnyNumber);
  gamma.read = [&policy](const Value& value) {  // a sigmoid falls or rises by its sign
    constexpr std::array kFactors = {kStep, kMultistep, kExp, kInv};
    const bool is_factor = std::ranges::find(kFactors, policy.type) != kFactors.end();
    if (const auto read = read_number(value, is_factor ? kNotNegative : kAnyNumber)) policy.gamma = *read;
  };
  return list_of(
      deciding(choice("type", "how the rate changes with the iteration", kPolicies, policy.type), kPolicies, known),
      only({kStep, kMultistep, kExp, kInv, kSigmoid}, std::move(gamma)),
      only({kInv, kPoly}, number("power", "the policy's exponent", policy.power, kNotNegative)),
      only({kStep, kSigmoid}, integer("step_size", "the policy's length in iterations", policy.step_size, {1, kMany})),
      only({kMultistep}, steps_field(policy.steps)),
      integer("warmup_iterations", "the rate rises from 0 over these", policy.warmup_iterations, {0, kMany}));
}

/// Reading the type sets the defaults that depend on it.
Field solver_type_field(Solver& solver) {
  return choice(
      "type", "the update rule", kSolvers, [&solver] { return static_cast<std::size_t>(solver.type); },
      [&solver](std::size_t index) {
        solver.type = static_cast<SolverType>(index);
        if (solver.type == SolverType::kAdadelta) {
          solver.momentum = 0.95;
          solver.epsilon = 1e-6;
        }
      });
}

}  // namespace

Fields solver_fields(Solver& solver) {
  using enum SolverType;
  const auto known = std::make_shared<bool>(true);
  const auto only = [&solver, known](std::vector<SolverType> types, Field field) {
    return only_for(solver, known, std::move(types), std::move(field));
  };
  return list_of(
      deciding(solver_type_field(solver), kSolvers, known),
      required(number("lr", "learning rate", solver.lr, kPositive)),
      only({kSgd, kNesterov, kAdadelta}, number("momentum", "share of the last step", solver.momentum, kBelowOne)),
      number("weight_decay", "L2 penalty on the master parameters", solver.weight_decay, kNotNegative),
      only({kAdam}, number("beta1", "decay of the mean gradient", solver.beta1, kBelowOne)),
      only({kAdam}, number("beta2", "decay of the mean squared gradient", solver.beta2, kBelowOne)),
      only({kAdam, kAdagrad, kRmsprop, kAdadelta}, number("epsilon", "added to the root", solver.epsilon, kPositive)),
      only({kRmsprop}, number("decay", "decay of the mean squared gradient", solver.decay, kBelowOne)),
      section("lr_policy", "how the learning rate changes", policy_fields(solver.lr_policy)));
}

}  // namespace qrun::config
