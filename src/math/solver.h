// Solvers and learning-rate policies: Caffe's formulas, for host and device (include/caffe/sgd_solvers.hpp there).
//   gradient   g' = g + weight_decay w               (L2, on the master parameter; L1: weight_decay sign(w))
//   sgd        v = momentum v + rate g'              w -= v
//   nesterov   v' = momentum v + rate g'             w -= (1 + momentum) v' - momentum v
//   adam       m = beta1 m + (1 - beta1) g'          s = beta2 s + (1 - beta2) g'^2
//              w -= rate sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(s) + epsilon)
//   adagrad    s += g'^2                             w -= rate g' / (sqrt(s) + epsilon)
//   rmsprop    s = decay s + (1 - decay) g'^2        w -= rate g' / (sqrt(s) + epsilon)
//   adadelta   s = momentum s + (1 - momentum) g'^2  u = g' sqrt((d + epsilon) / (s + epsilon))
//              d = momentum d + (1 - momentum) u^2   w -= rate u
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/hd.h"

namespace qrun {

enum class SolverType : std::uint8_t { kSgd, kNesterov, kAdam, kAdagrad, kRmsprop, kAdadelta };
inline constexpr std::array kSolverNames = {"sgd", "nesterov", "adam", "adagrad", "rmsprop", "adadelta"};
constexpr const auto& names_of(SolverType /*type*/) { return kSolverNames; }
static_assert(kSolverNames.size() == static_cast<std::size_t>(SolverType::kAdadelta) + 1);

enum class LrPolicyType : std::uint8_t { kFixed, kStep, kMultistep, kExp, kInv, kPoly, kSigmoid, kCosine };
inline constexpr std::array kPolicyNames = {"fixed", "step", "multistep", "exp", "inv", "poly", "sigmoid", "cosine"};
constexpr const auto& names_of(LrPolicyType /*type*/) { return kPolicyNames; }
static_assert(kPolicyNames.size() == static_cast<std::size_t>(LrPolicyType::kCosine) + 1);

/// How many float32 values a solver keeps for each parameter, and their names in files.
struct SolverHistory {
  int count;
  const char* names[2];
};

[[nodiscard]] constexpr SolverHistory history_of(SolverType type) {
  switch (type) {
    case SolverType::kSgd:
    case SolverType::kNesterov: return {1, {"velocity", ""}};
    case SolverType::kAdam: return {2, {"mean", "square"}};
    case SolverType::kAdagrad:
    case SolverType::kRmsprop: return {1, {"square", ""}};
    case SolverType::kAdadelta: return {2, {"square", "delta"}};
  }
  return {0, {"", ""}};
}

enum class Regularization : std::uint8_t { kL2, kL1 };
inline constexpr std::array kRegularizationNames = {"l2", "l1"};
constexpr const auto& names_of(Regularization /*regularization*/) { return kRegularizationNames; }
static_assert(kRegularizationNames.size() == static_cast<std::size_t>(Regularization::kL1) + 1);

struct LrPolicy {
  LrPolicyType type = LrPolicyType::kFixed;
  double gamma = 0;
  double power = 0;
  std::int64_t step_size = 0;
  std::vector<std::int64_t> steps;
  std::int64_t warmup_iterations = 0;
  bool operator==(const LrPolicy&) const = default;
};

struct Solver {
  SolverType type = SolverType::kSgd;
  double lr = 0.01;
  double momentum = 0;
  double weight_decay = 0;
  Regularization regularization = Regularization::kL2;
  double clip_gradients = 0;  // largest norm of all gradients; 0: any
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double decay = 0.99;
  LrPolicy lr_policy;
  bool operator==(const Solver&) const = default;
};

/// The rate of iteration `i` (from 0) of `n`; in double, rounded by the caller.
[[nodiscard]] inline double learning_rate(const Solver& s, std::int64_t i, std::int64_t n) {
  const LrPolicy& p = s.lr_policy;
  const auto t = static_cast<double>(i);
  const auto last = static_cast<double>(n > 1 ? n - 1 : 1);
  double rate = s.lr;
  switch (p.type) {
    case LrPolicyType::kFixed: break;
    case LrPolicyType::kStep: {
      const std::int64_t passed = i / p.step_size;
      rate *= std::pow(p.gamma, static_cast<double>(passed));
      break;
    }
    case LrPolicyType::kMultistep: {
      int passed = 0;
      for (const std::int64_t step : p.steps) passed += i >= step ? 1 : 0;
      rate *= std::pow(p.gamma, passed);
      break;
    }
    case LrPolicyType::kExp: rate *= std::pow(p.gamma, t); break;
    case LrPolicyType::kInv: rate *= std::pow(1.0 + p.gamma * t, -p.power); break;
    case LrPolicyType::kPoly: rate *= std::pow(1.0 - t / last, p.power); break;
    case LrPolicyType::kSigmoid: rate /= 1.0 + std::exp(-p.gamma * (t - static_cast<double>(p.step_size))); break;
    case LrPolicyType::kCosine: rate *= (1.0 + std::cos(3.14159265358979323846 * t / last)) / 2.0; break;
  }
  if (i + 1 < p.warmup_iterations) rate *= (t + 1.0) / static_cast<double>(p.warmup_iterations);
  return rate;
}

/// The numbers of one update of one blob, rounded once to float32.
struct UpdateParams {
  float rate;                         // learning rate times the blob's lr_mult; for adam times the bias correction
  float decay;                        // weight_decay times decay_mult
  float momentum;                     // sgd, nesterov, adadelta; beta1 for adam
  float average;                      // beta2 for adam, decay for rmsprop
  float momentum_rest, average_rest;  // one minus the two, rounded from double: 1 - 0.999f would lose four digits
  float epsilon;
  bool is_l1;  // what decays is the sign, not the parameter
};

/// The part of an update that changes from iteration to iteration, the same for all blobs.
struct Rate {
  double rate = 0;        // the policy's
  double correction = 1;  // adam's for its averages' start at zero
};

/// Iteration `i` counts from 0 of `n`.
[[nodiscard]] inline Rate rate_of(const Solver& s, std::int64_t i, std::int64_t n) {
  Rate result{learning_rate(s, i, n), 1};
  if (s.type == SolverType::kAdam) {
    const auto t = static_cast<double>(i + 1);
    result.correction = std::sqrt(1.0 - std::pow(s.beta2, t)) / (1.0 - std::pow(s.beta1, t));
  }
  return result;
}

/// UpdateParams::rate of a blob.
QRUN_HD float blob_rate(const Rate& r, double lr_mult) { return static_cast<float>(r.rate * lr_mult * r.correction); }

/// The update of a blob at rate `r`.
[[nodiscard]] inline UpdateParams update_params(const Solver& s, const Rate& r, double lr_mult, double decay_mult) {
  const bool adam = s.type == SolverType::kAdam;
  return {.rate = blob_rate(r, lr_mult),
          .decay = static_cast<float>(s.weight_decay * decay_mult),
          .momentum = static_cast<float>(adam ? s.beta1 : s.momentum),
          .average = static_cast<float>(adam ? s.beta2 : s.decay),
          .momentum_rest = static_cast<float>(1.0 - (adam ? s.beta1 : s.momentum)),
          .average_rest = static_cast<float>(1.0 - (adam ? s.beta2 : s.decay)),
          .epsilon = static_cast<float>(s.epsilon),
          .is_l1 = s.regularization == Regularization::kL1};
}

/// The gradient of several batches, from its sum over them.
QRUN_HD float mean_gradient(float sum, std::int64_t batches) { return sum / static_cast<float>(batches); }

/// What gradients of this norm are multiplied by; 1 for a norm that is no number, so that the loss sees it.
QRUN_HD float clip_factor(double squares, double limit) {
  const double norm = sqrt(squares);
  return limit > 0.0 && norm > limit ? static_cast<float>(limit / norm) : 1.0f;
}

QRUN_HD float sign_of(float w) { return w > 0.0f ? 1.0f : w < 0.0f ? -1.0f : 0.0f; }

/// One step of one parameter: `w` and its history `a`, `b` (the second is unused by most) from the gradient `g`.
template <SolverType kType>
QRUN_HD void update(float& w, float g, float& a, float& b, const UpdateParams& p) {
  g = g + p.decay * (p.is_l1 ? sign_of(w) : w);
  if constexpr (kType == SolverType::kSgd) {
    a = p.momentum * a + p.rate * g;
    w = w - a;
  } else if constexpr (kType == SolverType::kNesterov) {
    const float before = a;
    a = p.momentum * a + p.rate * g;
    w = w - ((1.0f + p.momentum) * a - p.momentum * before);
  } else if constexpr (kType == SolverType::kAdam) {
    a = p.momentum * a + p.momentum_rest * g;
    b = p.average * b + p.average_rest * (g * g);
    w = w - p.rate * (a / (sqrtf(b) + p.epsilon));
  } else if constexpr (kType == SolverType::kAdagrad) {
    a = a + g * g;
    w = w - p.rate * (g / (sqrtf(a) + p.epsilon));
  } else if constexpr (kType == SolverType::kRmsprop) {
    a = p.average * a + p.average_rest * (g * g);
    w = w - p.rate * (g / (sqrtf(a) + p.epsilon));
  } else {
    a = p.momentum * a + p.momentum_rest * (g * g);
    const float step = g * sqrtf((b + p.epsilon) / (a + p.epsilon));
    b = p.momentum * b + p.momentum_rest * (step * step);
    w = w - p.rate * step;
  }
}

}  // namespace qrun
