// The part of a program that reads and writes runs: their states and codes.
#include "core/error.h"
#include "cuda/program.h"
#include "quant/all.h"

namespace qrun::cuda {

TrainingState CudaProgram::state(int run) {
  TrainingState state;
  state.iteration = control(run).iteration;
  for (std::size_t p = 0; p < plan_.params.size(); ++p) {
    const ParamState& param = memory_.state(run, static_cast<ParamId>(p));
    TrainingState::Param stored{stream_.read(param.master, param.size), {}};
    for (int h = 0; h < history_of(param.solver).count; ++h)
      stored.history.push_back(stream_.read(param.history[h], param.size));
    state.params.push_back(std::move(stored));
  }
  for (StatisticId id = 0; id < static_cast<StatisticId>(plan_.statistics.size()); ++id)
    state.statistics.push_back(stream_.read(memory_.statistic(id, run), memory_.statistic_size(id)));
  for (std::size_t slot = 0; slot < plan_.activations.size(); ++slot) {
    const auto range = static_cast<std::size_t>(plan_.activations[slot].range);
    state.statistics[range] = stream_.read(memory_.range(static_cast<SlotId>(slot), run), 1);
  }
  return state;
}

void CudaProgram::restore(int run, const TrainingState& state) {
  QRUN_CHECK(state.params.size() == plan_.params.size() && state.statistics.size() == plan_.statistics.size(),
             "a state has the blobs of its plan");
  control(run) = RunControl{.iteration = state.iteration};
  put_controls();
  for (std::size_t p = 0; p < state.params.size(); ++p) {
    const auto id = static_cast<ParamId>(p);
    const ParamState& param = memory_.state(run, id);
    put<float>(param.master, state.params[p].master, param.size);
    put<float>(param.value, state.params[p].master, param.size);
    if (param.sum != nullptr) stream_.zero(param.sum, param.size);
    for (std::size_t h = 0; h < state.params[p].history.size(); ++h)
      put<float>(param.history[h], state.params[p].history[h], param.size);
    keep_given(false, run, id);
  }
  for (StatisticId id = 0; id < static_cast<StatisticId>(plan_.statistics.size()); ++id)
    put<double>(memory_.statistic(id, run), state.statistics[static_cast<std::size_t>(id)], memory_.statistic_size(id));
  for (std::size_t slot = 0; slot < plan_.activations.size(); ++slot) {
    const auto range = static_cast<std::size_t>(plan_.activations[slot].range);
    put<double>(memory_.range(static_cast<SlotId>(slot), run), state.statistics[range], 1);
  }
}

QuantizedBlob CudaProgram::codes(int run, ParamId param) {
  const ParamState& state = memory_.state(run, param);
  QRUN_CHECK(state.quant.method != kNoQuantizer, "codes of a blob without quantizer");
  Submitter(memory_, scope(0, false), run, nullptr)(QuantizeParamOp{param});
  const std::vector<float> master = stream_.read(state.master, state.size);
  QuantizedBlob blob{{}, stream_.read(state.params, state.slices)};
  const std::size_t slice = master.size() / blob.params.size();
  AllQuantizers::visit(state.quant.method, [&]<class Q>() {
    for (std::size_t i = 0; i < master.size(); ++i) blob.codes.push_back(Q::code(master[i], blob.params[i / slice]));
  });
  return blob;
}

void CudaProgram::set_values(int run, ParamId param, std::span<const float> values) {
  const ParamState& state = memory_.state(run, param);
  put<float>(state.value, values, state.size);
  keep_given(true, run, param);
}

}  // namespace qrun::cuda
