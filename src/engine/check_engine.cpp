#include "engine/check_engine.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <utility>

#include "core/error.h"
#include "engine/tolerance.h"

namespace qrun {
namespace {

using Floats = std::vector<float>;

/// Returns the magnitudes of values; of moments those by which each value is normalized to the sum of its magnitudes:
/// the means change their sign.
Floats magnitudes_of(const Operand& what, Floats values) {
  for (float& v : values) v = std::fabs(v);
  const std::size_t means = what.kind == OperandKind::kMoments ? values.size() / 2 : 0;
  for (std::size_t i = 0; i < means; ++i) values[i] = -values[i];
  return values;
}

/// Magnitudes of the sums that moments come of: |x| is |mean| + deviation in the mean at most.
Floats magnitudes_of_moments(Floats moments) {
  const std::size_t channels = moments.size() / 2;
  for (std::size_t c = 0; c < channels; ++c) moments[c] = std::fabs(moments[c]) + 1.0F / moments[channels + c];
  return moments;
}

/// Fits, positions of maxima, ranges and statistics show in the values that come of them, the loss in its gradient.
bool is_compared(const Operand& what) {
  switch (what.kind) {
    case OperandKind::kValue:
    case OperandKind::kGradient:
    case OperandKind::kMoments:
    case OperandKind::kMomentsGradient:
    case OperandKind::kMaster:
    case OperandKind::kParamValue:
    case OperandKind::kParamGradient:
    case OperandKind::kGradientSum:
    case OperandKind::kHistory: return true;
    case OperandKind::kArgmax:
    case OperandKind::kParamFit:
    case OperandKind::kSlotFit:
    case OperandKind::kRange:
    case OperandKind::kStatistic:
    case OperandKind::kLabels:
    case OperandKind::kLoss: return false;
  }
  return false;
}

std::vector<Operand> compared_of(const Op& op) {
  std::vector<Operand> written = operands_of(op).writes;
  std::erase_if(written, [](const Operand& what) { return !is_compared(what); });
  return written;
}

class CheckProgram : public Program, private StepAccess {
 public:
  CheckProgram(Plan plan, std::vector<RunFeeds> feeds, Engine& reference, Engine& tested)
      : plan_(std::move(plan)),
        feeds_(std::move(feeds)),
        reference_(reference.load(plan_, feeds_)),
        tested_(tested.load(plan_, {})),
        names_{reference.info().name, tested.info().name},
        diverged_(plan_.runs.size()) {}

  TrainResult train(std::int64_t iterations, const std::atomic<bool>& stop) override {
    TrainResult result;
    result.losses.resize(plan_.runs.size());
    const auto all_diverged = [&] {
      return std::ranges::all_of(diverged_, [](const auto& d) { return d.has_value(); });
    };
    for (; result.iterations < iterations && !stop && !all_diverged(); ++result.iterations) {
      for (int run = 0; run < runs(); ++run) {
        if (!diverged(run)) iterate(run, result.losses[static_cast<std::size_t>(run)]);
      }
    }
    result.divergences = diverged_;
    return result;
  }

  std::vector<TestResult> test(std::int64_t samples) override { return reference_->test(samples); }
  TrainingState state(int run) override { return reference_->state(run); }
  void restore(int run, const TrainingState& state) override {
    reference_->restore(run, state);
    tested_->restore(run, state);
  }
  QuantizedBlob codes(int run, ParamId param) override {
    QuantizedBlob blob = reference_->codes(run, param);
    if (tested_->codes(run, param).codes != blob.codes)
      throw Error("check: codes of " + plan_.params[index(param)].layer + " differ between " + names_[0] + " and " +
                  names_[1]);
    return blob;
  }
  void set_values(int run, ParamId param, std::span<const float> values) override {
    reference_->set_values(run, param, values);
    tested_->set_values(run, param, values);
  }
  ProductPaths products() const override { return {"", tested_->products().problem}; }  // files have the reference's
  StepAccess& steps() override { return *this; }

 private:
  Floats read(int run, const Operand& what, std::int64_t n) override { return reference_->steps().read(run, what, n); }
  void write(int run, const Operand& what, std::int64_t n, std::span<const float> values) override {
    reference_->steps().write(run, what, n, values);
    tested_->steps().write(run, what, n, values);
  }

  static std::size_t index(int i) { return static_cast<std::size_t>(i); }
  [[nodiscard]] int runs() const { return static_cast<int>(plan_.runs.size()); }
  [[nodiscard]] bool diverged(int run) const { return diverged_[index(run)].has_value(); }

  void iterate(int run, Floats& losses) {
    TrainingState state = reference_->state(run);
    run_phases(run, {Phase::kQuantize}, plan_.train_batch);
    double loss = 0;
    for (std::int64_t batch = 0; batch < plan_.accumulate; ++batch) {
      begin_batch(run, batch);
      loss += static_cast<double>(batch_loss(run, state.iteration * plan_.accumulate + batch));
    }
    if (!std::isfinite(loss)) {
      diverged_[index(run)] = Divergence{state.iteration, plan_.buffers[index(plan_.logits)].layer, "loss"};
      return;
    }
    losses.push_back(static_cast<float>(loss / static_cast<double>(plan_.accumulate)));
    run_phases(run, {Phase::kUpdate}, plan_.train_batch);
    const std::int64_t done = state.iteration + 1;
    state = reference_->state(run);
    state.iteration = done;
    restore(run, state);
  }

  /// Of all that a training batch goes through; batches count from the run's first.
  float batch_loss(int run, std::int64_t number) {
    const Batch batch = feeds_[index(run)].train->fetch(number * plan_.train_batch, plan_.train_batch);
    write(run, Operand::value(plan_.images), batch.n,
          {batch.images, static_cast<std::size_t>(batch.n * plan_.input.size())});
    write(run, Operand::labels(), batch.n, Floats(batch.labels, batch.labels + batch.n));
    run_phases(run, {Phase::kForward, Phase::kLoss, Phase::kBackward, Phase::kAccumulate}, batch.n);
    return read(run, Operand::loss(), batch.n).at(0);
  }

  void run_phases(int run, std::initializer_list<Phase> phases, std::int64_t n) {
    for (std::size_t step = 0; step < plan_.steps.size(); ++step) {
      if (std::ranges::find(phases, plan_.steps[step].phase) != phases.end()) run_step(run, step, n);
    }
  }

  void begin_batch(int run, std::int64_t batch) override {
    reference_->steps().begin_batch(run, batch);
    tested_->steps().begin_batch(run, batch);
  }

  /// Runs a step on both, compares, and goes on with what the reference has.
  void run_step(int run, std::size_t step, std::int64_t n) override {
    const Op& op = plan_.steps[step].op;
    const std::vector<Operand> written = compared_of(op);
    const Tolerance tolerance = tolerance_of(op);
    reference_->steps().run_step(run, step, n);
    tested_->steps().run_step(run, step, n);
    std::vector<Floats> wanted;
    for (const Operand& what : written) wanted.push_back(read(run, what, n));
    std::vector<Floats> magnitudes = magnitudes_of_sums(run, step, n, tolerance.factors, written);
    for (std::size_t i = 0; i < written.size(); ++i) {
      if (written[i].kind == OperandKind::kMoments) magnitudes[i] = magnitudes_of_moments(wanted[i]);
    }
    const std::int64_t terms = tolerance.terms * (tolerance.over_batch ? n : 1);
    for (std::size_t i = 0; i < written.size(); ++i) {
      compare({run, step, written[i]}, wanted[i], tested_->steps().read(run, written[i], n),
              {tolerance.relative, magnitudes[i], rounding_of(terms)});
      write(run, written[i], n, wanted[i]);
    }
  }

  /// What the reference makes of a step whose factors are replaced by their magnitudes; factors are put back. Of ops
  /// without sums there are none.
  std::vector<Floats> magnitudes_of_sums(int run, std::size_t step, std::int64_t n, const std::vector<Operand>& factors,
                                         const std::vector<Operand>& written) {
    std::vector<Floats> sums(written.size());
    if (factors.empty()) return sums;
    StepAccess& reference = reference_->steps();
    std::vector<Floats> values;
    for (const Operand& what : factors) {
      values.push_back(reference.read(run, what, n));
      reference.write(run, what, n, magnitudes_of(what, values.back()));
    }
    reference.run_step(run, step, n);
    for (std::size_t i = 0; i < written.size(); ++i) sums[i] = reference.read(run, written[i], n);
    for (std::size_t i = 0; i < factors.size(); ++i) reference.write(run, factors[i], n, values[i]);
    return sums;
  }

  /// Returns the rounding of a sum of so many products, relative to the sum of their magnitudes. TF32: both factors are
  /// rounded to 11 bits, and tensor cores may cut off what they add up in float32.
  [[nodiscard]] double rounding_of(std::int64_t terms) const {
    const double sum = 2.0 * static_cast<double>(terms + 1) * 0x1p-24;
    if (plan_.precision == Precision::kFp32) return sum;
    return 2.0 * sum + 0x1p-10 + 0x1p-22;
  }

  /// What a step of a run wrote.
  struct Written {
    int run = 0;
    std::size_t step = 0;
    Operand what;
  };

  /// What two values may differ by: a part of the larger, and of the magnitudes that they are sums of.
  struct Allowed {
    double relative;
    const Floats& magnitudes;  // empty: no sums
    double rounding;
    [[nodiscard]] double at(std::size_t i, double a, double b) const {
      const double of_sum = magnitudes.empty() ? 0.0 : rounding * std::fabs(static_cast<double>(magnitudes[i]));
      return relative * std::max(std::fabs(a), std::fabs(b)) + of_sum;
    }
  };

  void compare(const Written& written, const Floats& want, const Floats& got, const Allowed& allowed) const {
    for (std::size_t i = 0; i < want.size(); ++i) {
      const auto a = static_cast<double>(want[i]);
      const auto b = static_cast<double>(got[i]);
      const bool both_wrong = !std::isfinite(a) && !std::isfinite(b);
      if (std::fabs(a - b) <= allowed.at(i, a, b) || both_wrong) continue;
      throw Error("check: " + describe(written) + " at " + std::to_string(i) + ": " + names_[0] + " has " +
                  std::to_string(want[i]) + ", " + names_[1] + " has " + std::to_string(got[i]) + "; a difference of " +
                  std::to_string(allowed.at(i, a, b)) + " is rounding");
    }
  }

  /// Returns `conv2d of layer conv1, run 0, value`, or `weight's gradient`.
  [[nodiscard]] std::string describe(const Written& written) const {
    const OperandKind kind = written.what.kind;
    const bool moments = kind == OperandKind::kMoments || kind == OperandKind::kMomentsGradient;
    const bool buffer = moments || kind == OperandKind::kValue || kind == OperandKind::kGradient;
    const std::size_t id = index(written.what.id);
    std::string what = buffer ? (moments ? "moments" : "value") : plan_.params[id].address().in_layer();
    if (kind == OperandKind::kGradient || kind == OperandKind::kMomentsGradient || kind == OperandKind::kParamGradient)
      what += "'s gradient";
    if (kind == OperandKind::kGradientSum) what += "'s sum of gradients";
    if (kind == OperandKind::kHistory) what += "'s history";
    return std::string(info_of(plan_.steps[written.step].op).name) + " of layer " +
           (buffer ? plan_.buffers[id].layer : plan_.params[id].layer) + ", run " + std::to_string(written.run) + ", " +
           what;
  }

  Plan plan_;
  std::vector<RunFeeds> feeds_;
  std::unique_ptr<Program> reference_, tested_;
  std::string names_[2];
  std::vector<std::optional<Divergence>> diverged_;
};

class CheckEngine : public Engine {
 public:
  CheckEngine(std::unique_ptr<Engine> reference, std::unique_ptr<Engine> tested)
      : reference_(std::move(reference)), tested_(std::move(tested)) {}
  [[nodiscard]] EngineInfo info() const override {
    EngineInfo info = reference_->info();
    info.name = "check";
    info.device += ", " + tested_->info().device;
    info.pack = 1;
    return info;
  }
  [[nodiscard]] LibraryInfo product_library() const override { return tested_->product_library(); }
  std::unique_ptr<Program> load(const Plan& plan, std::vector<RunFeeds> feeds) override {
    return std::make_unique<CheckProgram>(plan, std::move(feeds), *reference_, *tested_);
  }

 private:
  std::unique_ptr<Engine> reference_, tested_;
};

}  // namespace

std::unique_ptr<Engine> make_check_engine(std::unique_ptr<Engine> reference, std::unique_ptr<Engine> tested) {
  return std::make_unique<CheckEngine>(std::move(reference), std::move(tested));
}

}  // namespace qrun
