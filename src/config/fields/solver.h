// What a configuration may say of the solver, whose formulas are in math/solver.h.
#pragma once

#include "config/table/field.h"
#include "core/enum_names.h"
#include "math/solver.h"

namespace qrun::config {

// A key of other types than these may stand, is checked, and is not used.
template <SolverType... types>
bool is_none_of(const Solver& solver) {
  return ((solver.type != types) && ...);
}
template <LrPolicyType... types>
bool is_none_of(const LrPolicy& policy) {
  return ((policy.type != types) && ...);
}

void read_solver_type(Solver& solver, const Value& value);
void read_gamma(LrPolicy& policy, const Value& value);
void read_steps(LrPolicy& policy, const Value& value);
void write_steps(const LrPolicy& policy, const Writing& to);
[[nodiscard]] Node schema_of_steps();

inline constexpr auto kPolicyFields = [] {
  using enum LrPolicyType;
  return fields(
      choice<&LrPolicy::type>("type", "how the rate changes with the iteration", Role::kNumber).deciding(),
      number<&LrPolicy::gamma>("gamma", "the policy's factor", Role::kNumber, kAnyNumber)
          .read_by<read_gamma>()
          .required()
          .unused_if<is_none_of<kStep, kMultistep, kExp, kInv, kSigmoid>>(),
      number<&LrPolicy::power>("power", "the policy's exponent", Role::kNumber, kNotNegative)
          .required()
          .unused_if<is_none_of<kInv, kPoly>>(),
      integer<&LrPolicy::step_size>("step_size", "the policy's length in iterations", Role::kNumber, {1, kMany})
          .required()
          .unused_if<is_none_of<kStep, kSigmoid>>(),
      field<LrPolicy>("steps", "iterations at which the rate is multiplied by gamma, ascending", Role::kNumber)
          .read_by<read_steps>()
          .written_by<write_steps>()
          .described_by<schema_of_steps>()
          .required()
          .unused_if<is_none_of<kMultistep>>(),
      integer<&LrPolicy::warmup_iterations>("warmup_iterations", "the rate rises from 0 over these", Role::kNumber,
                                            {0, kMany}));
}();

inline constexpr auto kSolverFields = [] {
  using enum SolverType;
  return fields(
      choice<&Solver::type>("type", "the update rule", Role::kNumber).read_by<read_solver_type>().deciding(),
      number<&Solver::lr>("lr", "learning rate", Role::kNumber, kPositive).required(),
      number<&Solver::momentum>("momentum", "share of the last step", Role::kNumber, kBelowOne)
          .unused_if<is_none_of<kSgd, kNesterov, kAdadelta>>(),
      number<&Solver::weight_decay>("weight_decay", "penalty on the master parameters", Role::kNumber, kNotNegative),
      choice<&Solver::regularization>("regularization", "l2: weight_decay * w; l1: weight_decay * sign(w)",
                                      Role::kNumber)
          .later(name_of(Regularization::kL2)),
      number_or_null<&Solver::clip_gradients>("clip_gradients", "largest L2 norm of all gradients together",
                                              Role::kNumber, kPositive)
          .later("null"),
      number<&Solver::beta1>("beta1", "decay of the mean gradient", Role::kNumber, kBelowOne)
          .unused_if<is_none_of<kAdam>>(),
      number<&Solver::beta2>("beta2", "decay of the mean squared gradient", Role::kNumber, kBelowOne)
          .unused_if<is_none_of<kAdam>>(),
      number<&Solver::epsilon>("epsilon", "added to the root", Role::kNumber, kPositive)
          .unused_if<is_none_of<kAdam, kAdagrad, kRmsprop, kAdadelta>>(),
      number<&Solver::decay>("decay", "decay of the mean squared gradient", Role::kNumber, kBelowOne)
          .unused_if<is_none_of<kRmsprop>>(),
      section<&Solver::lr_policy>("lr_policy", "how the learning rate changes", kPolicyFields));
}();

}  // namespace qrun::config
