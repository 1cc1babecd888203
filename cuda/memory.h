// What a pack holds on the device: tensors with the run as their first dimension, parameters, statistics.
#pragma once

#include <utility>
#include <vector>

#include "cuda/dropout.h"
#include "cuda/kernels.h"
#include "cuda/runtime.h"
#include "plan/plan.h"

namespace qrun::cuda {

class PackMemory {
 public:
  PackMemory(const Plan& plan, const Stream& stream);

  [[nodiscard]] int runs() const { return static_cast<int>(plan_.runs.size()); }
  [[nodiscard]] std::int64_t size(BufferId id) const { return plan_.buffers[at(id)].shape.size(); }  // of one image
  [[nodiscard]] Places places() const {
    return {static_cast<std::int32_t>(plan_.params.size()), static_cast<std::int32_t>(plan_.activations.size()),
            static_cast<std::int32_t>(plan_.statistics.size())};
  }

  // Of a run and those behind it.
  [[nodiscard]] Tensor value(BufferId id, int run) const;
  [[nodiscard]] Tensor gradient(BufferId id, int run) const;
  [[nodiscard]] Argmax argmax(BufferId id, int run) const;   // of the max pooling that writes the buffer
  [[nodiscard]] Tensor moments(BufferId id, int run) const;  // of the batch norm that writes the buffer
  [[nodiscard]] Tensor moments_gradient(BufferId id, int run) const;
  [[nodiscard]] Tensor param(ParamId id, int run) const;  // the values that the network computes with
  [[nodiscard]] Tensor param_gradient(ParamId id, int run) const;
  [[nodiscard]] ActivationState* activation(SlotId slot, int run) const {
    return activations_.data() + slot * runs() + run;
  }
  [[nodiscard]] double* range(SlotId slot, int run) const { return &activation(slot, run)->range; }
  /// Returns a statistic of a batch norm; momenta() are those of the statistic in each run.
  [[nodiscard]] double* statistic(StatisticId id, int run) const {
    return statistics_[at(id)].values.data() + run * statistic_size(id);
  }
  [[nodiscard]] std::int64_t statistic_size(StatisticId id) const { return plan_.statistics[at(id)].size(); }
  [[nodiscard]] const DropoutState* dropout(DropoutId id, int run) const {
    return dropouts_.data() + id * runs() + run;
  }
  [[nodiscard]] const double* momenta(StatisticId id, int run) const {
    return statistics_[at(id)].momenta.data() + run;
  }
  [[nodiscard]] RunControl* control(int run) const { return control_.data() + run; }
  [[nodiscard]] std::int32_t* labels(int run) const { return labels_.data() + run * batch_; }
  [[nodiscard]] const RunNumbers* numbers(int run) const { return numbers_.data() + run; }
  [[nodiscard]] std::int64_t train_batch() const { return plan_.train_batch; }
  [[nodiscard]] std::int64_t batches() const { return plan_.accumulate; }  // training batches an iteration
  [[nodiscard]] std::int64_t largest_batch() const { return batch_; }

  /// The slot that quantizes the output of the product that writes the buffer, or kNone.
  [[nodiscard]] SlotId slot_of_product(BufferId y) const { return slot_of_[at(y)]; }

  /// Returns the passes over a slot's values, passes_of_params() those over parameters: as many as some run's statistic
  /// takes; 0 where no run quantizes. `has_maxima`: those that need no more than the maximum take none.
  [[nodiscard]] int passes(SlotId slot, bool has_maxima) const;
  [[nodiscard]] int passes_of_params() const;

  /// Host copy of a parameter's state; put_state() hands changes on.
  [[nodiscard]] ParamState& state(int run, ParamId id) { return states_[index(run, id)]; }
  void put_state(int run, ParamId id, const Stream& stream) const;

  /// Pieces of all parameters of all runs; of one run; of one parameter of it.
  [[nodiscard]] ParamTable table() const { return table_of(0, piece_begin_.size() - 1); }
  [[nodiscard]] ParamTable table(int run) const { return table_of(index(run, 0), index(run + 1, 0)); }
  [[nodiscard]] ParamTable table(int run, ParamId id) const { return table_of(index(run, id), index(run, id) + 1); }

  /// For clip_gradients(), of so many runs.
  [[nodiscard]] ClipOperands clipping(int first, int runs) const;
  [[nodiscard]] Workspace workspace() const { return {partials_.data(), counters_.data(), maxima_.data()}; }
  [[nodiscard]] PieceSpace data_space() const { return data_space_.get(); }
  [[nodiscard]] PieceSpace weight_space() const { return weight_space_.get(); }  // of another stream than the others
  [[nodiscard]] const Tap* taps(const ConvShape& s) const;
  [[nodiscard]] const Tap* taps_of_gradient(const ConvShape& s) const;

 private:
  static std::size_t at(int id) { return static_cast<std::size_t>(id); }
  [[nodiscard]] std::size_t index(int run, ParamId id) const { return at(run) * plan_.params.size() + at(id); }
  [[nodiscard]] ParamTable table_of(std::size_t first, std::size_t last) const;
  void make_buffers(const Stream& stream);
  void make_params(const Stream& stream);
  void cut_params(const Stream& stream);
  void make_activations(const Stream& stream);
  void make_dropouts(const Stream& stream);
  void make_numbers(const Stream& stream);
  void make_statistics(const Stream& stream);
  void make_workspace(const Stream& stream);
  void add_conv(const ConvShape& s, const Stream& stream);

  struct Buffer {
    DeviceArray<float> value, gradient;
    DeviceArray<std::int32_t> argmax;
    DeviceArray<float> moments, moments_gradient;  // [run][2][c]
  };
  struct Statistic {
    DeviceArray<double> values;   // [run][values]
    DeviceArray<double> momenta;  // [run]
  };
  struct Param {
    DeviceArray<float> master, value, gradient, sum, history[2];  // [run][values]
    DeviceArray<QStats> stats;                                    // [run][channel]
    DeviceArray<QParams> params;
  };

  const Plan& plan_;
  std::int64_t batch_;  // the larger of training's and the test's
  std::vector<Buffer> buffers_;
  std::vector<Param> params_;
  std::vector<ParamState> states_;  // [run][param], as on the device
  DeviceArray<ParamState> device_states_;
  DeviceArray<Piece> pieces_;
  DeviceArray<Slice> slices_;
  std::vector<int> piece_begin_;  // [run][param], and the end
  DeviceArray<int> device_piece_begin_;
  DeviceArray<ActivationState> activations_;  // [slot][run]
  std::vector<Statistic> statistics_;
  DeviceArray<DropoutState> dropouts_;  // [dropout][run]
  DeviceArray<RunNumbers> numbers_;
  DeviceArray<float> clip_factors_;  // [run]
  DeviceArray<RunControl> control_;
  DeviceArray<std::int32_t> labels_;
  struct Taps {
    ConvShape s;
    DeviceArray<Tap> forward, gradient;
  };
  std::vector<Taps> taps_;
  DeviceArray<Sums> partials_;
  DeviceArray<unsigned> counters_, maxima_;
  std::vector<SlotId> slot_of_;  // [buffer]: of the slot that quantizes what a product writes there
  struct Space {
    DeviceArray<float> sums;
    DeviceArray<unsigned> counters;
    [[nodiscard]] PieceSpace get() const { return {sums.data(), counters.data()}; }
  };
  [[nodiscard]] Space make_space(const PieceNeeds& needs, const Stream& stream) const;
  Space data_space_, weight_space_;
};

}  // namespace qrun::cuda
