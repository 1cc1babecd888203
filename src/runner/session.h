// One run of a pack while it trains: its metrics, and what goes into its file.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "config/run_spec.h"
#include "engine/engine.h"
#include "store/checkpoint.h"

namespace qrun {

/// Returns the instruction set that a run was trained with last: its record names those before it, too.
[[nodiscard]] std::string last_instruction_set(const RunRecord& record);

/// Returns the library that computed a run's products last, with its choices; `own` where there was none.
[[nodiscard]] std::string last_products(const RunRecord& record);

class RunSession {
 public:
  RunSession(const RunSpec& spec, const EngineInfo& engine, const BuildInfo& build, const Shape& input,
             std::int64_t classes);

  [[nodiscard]] const RunSpec& spec() const { return spec_; }
  [[nodiscard]] const RunRecord& record() const { return record_; }
  [[nodiscard]] bool failed() const { return record_.status == RunStatus::kFailed; }
  [[nodiscard]] std::optional<double> last_accuracy() const;
  [[nodiscard]] float last_loss() const { return last_loss_; }
  [[nodiscard]] double seconds() const;  // of training, tests and files, in earlier processes too

  /// Returns what a checkpoint holds of the session; resume() goes on from it.
  [[nodiscard]] Checkpoint checkpoint(TrainingState state) const;
  void resume(const Checkpoint& checkpoint);

  /// Sets what computes the run's products from now on, as Program::products() has it.
  void set_products(std::string products) { record_.products = std::move(products); }

  /// Sets what the run sees. A run that goes on has what its checkpoint says until then.
  void set_data(DataRecord data) { record_.data = std::move(data); }

  /// Adds the losses of the iterations since the last call.
  void add_losses(const std::vector<float>& losses);
  void add_point(std::int64_t iteration, double lr);
  const TrainPoint& end_epoch(std::int64_t epoch, std::int64_t iteration, double lr, double images_per_second);
  /// True if this is the best test so far; never before the first iteration.
  bool add_test(std::int64_t epoch, std::int64_t iteration, const TestResult& result);
  void fail(const Divergence& divergence);
  void fail(const std::string& reason);

  /// Takes predictions and activation codes of the final test.
  void set_final_test(const Plan& plan, int run, const TestResult& result, const TrainingState& state);
  /// Takes master parameters, codes, and running statistics.
  void set_weights(const Plan& plan, int run, Program& program, const TrainingState& state);
  void finish(RunStatus status);

 private:
  const RunSpec& spec_;
  RunRecord record_;
  float last_loss_ = 0;
  std::vector<float> epoch_losses_;  // of the epoch under way
  double earlier_seconds_ = 0;       // in earlier processes
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace qrun
