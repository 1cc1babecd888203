// A convolution with its gradients, against double-precision loops.
#pragma once

#include "engine/support.h"

namespace qrun {

inline std::string text(const ConvShape& s, std::int64_t n) {
  return "n" + std::to_string(n) + " c" + std::to_string(s.c) + " " + std::to_string(s.h) + "x" + std::to_string(s.w) +
         " o" + std::to_string(s.o) + " k" + to_string(s.k) + " stride " + to_string(s.stride) + " pad " +
         to_string(s.pad) + " dilation " + to_string(s.dilation) + " groups " + std::to_string(s.groups);
}

/// The steps of one convolution of n images: forward, data, weights.
class ConvPlan {
 public:
  ConvPlan(const ConvShape& s, std::int64_t n, Precision precision, Products products) : s_(s), n_(n), plan_(n) {
    plan_.plan.precision = precision;
    plan_.plan.products = products;
    x_ = plan_.buffer({s.c, s.h, s.w});
    y_ = plan_.buffer({s.o, s.out_h(), s.out_w()});
    w_ = plan_.param({s.o, s.c / s.groups, s.k.h, s.k.w});
    b_ = plan_.param({s.o}, {}, BlobRole::kBias);
    plan_.step(Conv2dOp{x_, y_, w_, b_, s});
    plan_.step(Conv2dBackwardDataOp{x_, y_, w_, s});
    plan_.step(Conv2dBackwardWeightOp{x_, y_, w_, b_, s});
  }
  [[nodiscard]] const Plan& plan() const { return plan_.plan; }

  /// y, dx, dw and db of random numbers, in this order.
  [[nodiscard]] std::vector<Floats> results(Program& program) const {
    StepAccess& steps = program.steps();
    steps.write(0, Operand::value(x_), n_, xs());
    steps.write(0, Operand::master(w_), 0, ws());
    steps.write(0, Operand::master(b_), 0, bs());
    steps.run_step(0, 0, n_);
    std::vector<Floats> all = {steps.read(0, Operand::value(y_), n_)};
    steps.write(0, Operand::gradient(y_), n_, dys());
    steps.run_step(0, 1, n_);
    all.push_back(steps.read(0, Operand::gradient(x_), n_));
    steps.run_step(0, 2, n_);
    all.push_back(steps.read(0, Operand::param_gradient(w_), 0));
    all.push_back(steps.read(0, Operand::param_gradient(b_), 0));
    return all;
  }

  void expect_inside_the_bound(Program& program) const {
    const std::vector<Floats> got = results(program);
    const Precision precision = plan_.plan.precision;
    const std::string what = text(s_, n_);
    const std::int64_t pixels = s_.out_h() * s_.out_w();
    expect_sums(got[0], ref::conv2d(s_, n_, xs(), ws(), bs()), s_.taps(), "y " + what, precision);
    expect_sums(got[1], ref::conv2d_dx(s_, n_, ws(), dys()), s_.o / s_.groups * s_.k.size(), "dx " + what, precision);
    expect_sums(got[2], ref::conv2d_dw(s_, n_, xs(), dys()), n_ * pixels, "dw " + what, precision);
    expect_sums(got[3], ref::bias_gradient(n_, s_.o, pixels, dys()), n_ * pixels, "db " + what, precision);
  }

 private:
  [[nodiscard]] Floats xs() const { return normal(n_ * s_.c * s_.h * s_.w, 1); }
  [[nodiscard]] Floats ws() const { return normal(s_.weights(), 2); }
  [[nodiscard]] Floats bs() const { return normal(s_.o, 3); }
  [[nodiscard]] Floats dys() const { return normal(n_ * s_.o * s_.out_h() * s_.out_w(), 4); }

  ConvShape s_;
  std::int64_t n_;
  StepPlan plan_;
  BufferId x_, y_;
  ParamId w_, b_;
};

}  // namespace qrun
