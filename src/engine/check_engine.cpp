#include "engine/check_engine.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "engine/effects.h"

namespace qrun {
namespace {

using Floats = std::vector<float>;

Floats magnitudes_of(Floats values) {
  for (float& v : values) v = std::fabs(v);
  return values;
}

class CheckProgram : public Program {
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
  RunState state(int run) override { return reference_->state(run); }
  void restore(int run, const RunState& state) override {
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
  void set_values(int run, ParamId param, const Floats& values) override {
    reference_->set_values(run, param, values);
    tested_->set_values(run, param, values);
  }

  void run_step(int run, std::size_t step, std::int64_t n) override { check_step(run, step, n); }
  Floats read(int run, BufferId id, Tensor tensor, std::int64_t n) override {
    return reference_->read(run, id, tensor, n);
  }
  void write(int run, BufferId id, Tensor tensor, std::int64_t n, const Floats& values) override {
    reference_->write(run, id, tensor, n, values);
    tested_->write(run, id, tensor, n, values);
  }
  Floats read_param(int run, ParamId id, Tensor tensor) override { return reference_->read_param(run, id, tensor); }
  void write_param(int run, ParamId id, Tensor tensor, const Floats& values) override {
    reference_->write_param(run, id, tensor, values);
    tested_->write_param(run, id, tensor, values);
  }
  void write_labels(int run, const std::vector<std::int32_t>& labels) override {
    reference_->write_labels(run, labels);
    tested_->write_labels(run, labels);
  }
  float read_loss(int run) override { return reference_->read_loss(run); }

 private:
  static std::size_t index(int i) { return static_cast<std::size_t>(i); }
  [[nodiscard]] int runs() const { return static_cast<int>(plan_.runs.size()); }
  [[nodiscard]] bool diverged(int run) const { return diverged_[index(run)].has_value(); }

  void iterate(int run, Floats& losses) {
    RunState state = reference_->state(run);
    const Batch batch = feeds_[index(run)].train->fetch(state.iteration * plan_.train_batch, plan_.train_batch);
    write(run, plan_.images, Tensor::kValue, batch.n,
          Floats(batch.images, batch.images + batch.n * plan_.input.size()));
    write_labels(run, {batch.labels, batch.labels + batch.n});
    for (std::size_t step = 0; step < plan_.steps.size(); ++step) check_step(run, step, batch.n);
    if (!std::isfinite(reference_->read_loss(run))) {
      diverged_[index(run)] = Divergence{state.iteration, plan_.buffers[index(plan_.logits)].layer, "loss"};
      return;
    }
    losses.push_back(reference_->read_loss(run));
    const std::int64_t done = state.iteration + 1;
    state = reference_->state(run);
    state.iteration = done;
    restore(run, state);
  }

  /// Runs a step on both, compares, and goes on with what the reference has.
  void check_step(int run, std::size_t step, std::int64_t n) {
    const Effects effects = effects_of(plan_.steps[step].op);
    reference_->run_step(run, step, n);
    tested_->run_step(run, step, n);
    std::vector<Floats> wanted;
    for (const Place& place : effects.outputs) wanted.push_back(get(*reference_, run, place, n));
    const std::vector<Floats> magnitudes =
        effects.terms > 0 ? sums_of_magnitudes(run, step, n, effects) : std::vector<Floats>(effects.outputs.size());
    const std::int64_t terms = effects.terms * (effects.over_batch ? n : 1);
    for (std::size_t i = 0; i < effects.outputs.size(); ++i) {
      compare(run, effects, effects.outputs[i], wanted[i], get(*tested_, run, effects.outputs[i], n), magnitudes[i],
              terms);
      put(*reference_, run, effects.outputs[i], n, wanted[i]);
      put(*tested_, run, effects.outputs[i], n, wanted[i]);
    }
  }

  /// What the reference makes of a step whose inputs are replaced by their magnitudes; inputs are put back.
  std::vector<Floats> sums_of_magnitudes(int run, std::size_t step, std::int64_t n, const Effects& effects) {
    std::vector<Floats> inputs;
    for (const Place& place : effects.inputs) {
      inputs.push_back(get(*reference_, run, place, n));
      put(*reference_, run, place, n, magnitudes_of(inputs.back()));
    }
    reference_->run_step(run, step, n);
    std::vector<Floats> sums;
    for (const Place& place : effects.outputs) sums.push_back(get(*reference_, run, place, n));
    for (std::size_t i = 0; i < inputs.size(); ++i) put(*reference_, run, effects.inputs[i], n, inputs[i]);
    return sums;
  }

  static Floats get(Program& program, int run, const Place& place, std::int64_t n) {
    const Tensor tensor = place.gradient ? Tensor::kGradient : Tensor::kValue;
    if (place.kind == Place::Kind::kMaster) return program.state(run).params[index(place.id)].master;
    return place.kind == Place::Kind::kBuffer ? program.read(run, place.id, tensor, n)
                                              : program.read_param(run, place.id, tensor);
  }
  /// Values of a parameter are those the network computes with; masters are equal, or compare() has thrown.
  void put(Program& program, int run, const Place& place, std::int64_t n, const Floats& values) const {
    const Tensor tensor = place.gradient ? Tensor::kGradient : Tensor::kValue;
    if (place.kind == Place::Kind::kBuffer) {
      program.write(run, place.id, tensor, n, values);
    } else if (place.kind == Place::Kind::kMaster) {
      return;
    } else if (place.gradient) {
      program.write_param(run, place.id, tensor, values);
    } else {
      program.set_values(run, place.id, values);
    }
  }

  /// Of a sum of products, relative to the sum of their magnitudes. TF32: both factors are rounded to 11 bits, and
  /// tensor cores may cut off what they add up in float32.
  [[nodiscard]] double rounding(std::int64_t terms) const {
    const double sum = 2.0 * static_cast<double>(terms + 1) * 0x1p-24;
    if (plan_.precision == Precision::kFp32) return sum;
    return 2.0 * sum + 0x1p-10 + 0x1p-22;
  }

  void compare(int run, const Effects& effects, const Place& place, const Floats& want, const Floats& got,
               const Floats& magnitudes, std::int64_t terms) const {
    for (std::size_t i = 0; i < want.size(); ++i) {
      const auto a = static_cast<double>(want[i]);
      const auto b = static_cast<double>(got[i]);
      double allowed = effects.relative * std::max(std::fabs(a), std::fabs(b));
      if (!magnitudes.empty()) allowed += rounding(terms) * static_cast<double>(magnitudes[i]);
      const bool both_wrong = !std::isfinite(a) && !std::isfinite(b);
      if (std::fabs(a - b) <= allowed || both_wrong) continue;
      const bool buffer = place.kind == Place::Kind::kBuffer;
      const std::string layer = buffer ? plan_.buffers[index(place.id)].layer : plan_.params[index(place.id)].layer;
      throw Error("check: " + effects.name + " of layer " + layer + ", run " + std::to_string(run) + ", " +
                  (buffer ? "value" : plan_.params[index(place.id)].blob()) + (place.gradient ? "'s gradient" : "") +
                  " at " + std::to_string(i) + ": " + names_[0] + " has " + std::to_string(want[i]) + ", " + names_[1] +
                  " has " + std::to_string(got[i]) + "; a difference of " + std::to_string(allowed) + " is rounding");
    }
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
