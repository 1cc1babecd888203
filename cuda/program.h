// A loaded pack on a device: the iteration as one graph, tests, and the state of its runs.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/error.h"
#include "cuda/batches.h"
#include "cuda/library_convs.h"
#include "cuda/resident_data.h"
#include "cuda/submit.h"
#include "engine/engine.h"

namespace qrun::cuda {

/// All runs go through an iteration together; the host only brings batches. A run's bits do not depend on the others.
class CudaProgram : public Program, private StepAccess {
 public:
  CudaProgram(Plan plan, std::vector<RunFeeds> feeds, const LibraryPlace& place);

  TrainResult train(std::int64_t iterations, const std::atomic<bool>& stop) override;
  std::vector<TestResult> test(std::int64_t samples) override;
  TrainingState state(int run) override;
  void restore(int run, const TrainingState& state) override;
  QuantizedBlob codes(int run, ParamId param) override;
  void set_values(int run, ParamId param, std::span<const float> values) override;
  [[nodiscard]] ProductPaths products() const override { return library_.paths(); }
  StepAccess& steps() override { return *this; }

 private:
  void run_step(int run, std::size_t step, std::int64_t n) override;
  void begin_batch(int run, std::int64_t batch) override { control(run).batch = static_cast<std::int32_t>(batch); }
  std::vector<float> read(int run, const Operand& what, std::int64_t n) override;
  void write(int run, const Operand& what, std::int64_t n, std::span<const float> values) override;
  [[nodiscard]] std::vector<float> read_history(const ParamState& param) const;
  void write_history(const ParamState& param, std::span<const float> values) const;
  void write_param(const ParamState& param, OperandKind kind, std::span<const float> values) const;

  static constexpr std::int64_t kChunk = 1024;  // batches between two looks at losses

  /// The same in iterations.
  [[nodiscard]] std::int64_t chunk() const { return std::max<std::int64_t>(1, kChunk / plan_.accumulate); }
  [[nodiscard]] std::int64_t images_of_chunk() const { return chunk() * plan_.accumulate * plan_.train_batch; }

  [[nodiscard]] int runs() const { return memory_.runs(); }
  [[nodiscard]] RunControl& control(int run) { return controls_[static_cast<std::size_t>(run)]; }
  [[nodiscard]] bool live(int run) const { return controls_[static_cast<std::size_t>(run)].diverged == kNowhere; }
  [[nodiscard]] bool any_live() const;
  [[nodiscard]] Divergence divergence(int run) const;
  [[nodiscard]] Scope scope(std::int64_t n, bool training) const {
    return {.stream = stream_.get(),
            .runs = runs(),
            .n = n,
            .training = training,
            .tf32 = plan_.precision == Precision::kTf32,
            .processors = processors_,
            .by_library = &library_};
  }
  /// Writes `size` values to the device.
  template <class T>
  void put(T* to, std::span<const T> values, std::int64_t size) const {
    QRUN_CHECK(std::ssize(values) == size, "as many values as there is room for");
    stream_.write(to, values);
  }
  void put_controls();
  void get_controls();
  void put_rates(std::int64_t iterations);
  void put_order(std::int64_t iterations);
  void gather_batch(const Scope& scope, const ResidentData& data, const std::int32_t* order, std::int64_t first) const;
  void bring_batch(std::int64_t number);
  void keep_given(bool given, int run, ParamId param);
  void quantize_all();
  void run_phase(Phase phase, const Submitter& submit) const;
  void warm_up() const;
  void submit_batch(const Scope& all);
  void submit_update(const Scope& all) const;
  void make_graphs();
  void iterate(std::int64_t done);
  std::int64_t train_chunk(std::int64_t iterations, const std::atomic<bool>& stop, TrainResult& result);
  std::int64_t bring_test_batch(std::int64_t first, std::int64_t items, std::vector<TestResult>& results);
  void keep_codes(int run, std::int64_t n, TestResult& result) const;

  Plan plan_;
  std::vector<RunFeeds> feeds_;
  int processors_;
  Stream stream_;
  PackMemory memory_;
  LibraryConvs library_;
  std::optional<ResidentData> train_data_, test_data_;
  Batches batches_;                   // where the sets are not on the device
  DeviceArray<std::int32_t> order_;   // [run][step][batch][image]
  Graph iteration_;                   // where it has several batches, one of them
  Graph update_;                      // where it has several batches
  Branch branch_;                     // of a batch
  std::array<Event, 8> ahead_;        // iterations submitted before the first has ended: a stop is heard soon
  std::vector<RunControl> controls_;  // as on the device after the last call
  DeviceArray<Rate> rates_;           // [step][run]
  DeviceArray<float> losses_;         // [run][step]
};

}  // namespace qrun::cuda
