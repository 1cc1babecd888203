// A loaded pack on the CPU: the iteration loop, tests, and the state of its runs.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "cpu/ops.h"
#include "engine/engine.h"

namespace qrun::cpu {

/// Runs go side by side over the threads where there are enough of them; the rest take all threads op by op. Both give
/// the same bits.
class CpuProgram : public Program, private StepAccess {
 public:
  CpuProgram(Plan plan, std::vector<RunFeeds> feeds, const Kernels& kernels, std::shared_ptr<Workers> workers);

  TrainResult train(std::int64_t iterations, const std::atomic<bool>& stop) override;
  std::vector<TestResult> test(std::int64_t samples) override;
  TrainingState state(int run) override;
  void restore(int run, const TrainingState& state) override;
  QuantizedBlob codes(int run, ParamId param) override;
  void set_values(int run, ParamId param, std::span<const float> values) override;
  StepAccess& steps() override { return *this; }

 private:
  void run_step(int run, std::size_t step, std::int64_t n) override;
  void begin_batch(int run, std::int64_t batch) override { memory(run).batch = batch; }
  std::vector<float> read(int run, const Operand& what, std::int64_t n) override;
  void write(int run, const Operand& what, std::int64_t n, std::span<const float> values) override;

  [[nodiscard]] RunMemory& memory(int run) { return *memory_[static_cast<std::size_t>(run)]; }
  [[nodiscard]] std::vector<int> live_runs() const;
  template <class Body>
  void for_runs(const std::vector<int>& runs, const Body& body);
  void load_batch(const Batch& batch, Context& context) const;
  void compute_phase(Phase phase, Context& context) const;
  double compute_batches(Feed& feed, Context& context) const;
  void iterate(int run, std::int64_t iterations, Workers& workers, std::vector<float>& losses);
  TestResult test_run(int run, std::int64_t samples, Workers& workers);
  void keep_codes(Context& context, std::int64_t first, std::int64_t samples, TestResult& result) const;

  Plan plan_;
  std::vector<RunFeeds> feeds_;
  Kernels kernels_;
  std::shared_ptr<Workers> workers_;
  std::vector<std::unique_ptr<RunMemory>> memory_;
  std::int64_t together_ = 1;  // iterations that runs side by side make before they meet
};

}  // namespace qrun::cpu
