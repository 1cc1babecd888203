// The part of a program that reads and writes runs: states, codes, and one step at a time for tests.
#include "core/error.h"
#include "cuda/program.h"
#include "quant/all.h"

namespace qrun::cuda {

RunState CudaProgram::state(int run) {
  RunState state;
  state.iteration = control(run).iteration;
  for (std::size_t p = 0; p < plan_.params.size(); ++p) {
    const ParamState& param = memory_.state(run, static_cast<ParamId>(p));
    RunState::Param stored{stream_.read(param.master, param.size), {}};
    for (int h = 0; h < history_of(param.solver).count; ++h)
      stored.history.push_back(stream_.read(param.history[h], param.size));
    state.params.push_back(std::move(stored));
  }
  for (std::size_t slot = 0; slot < plan_.activations.size(); ++slot)
    state.ranges.push_back(stream_.read(memory_.activation(static_cast<SlotId>(slot), run), 1)[0].range);
  return state;
}

void CudaProgram::restore(int run, const RunState& state) {
  QRUN_CHECK(state.params.size() == plan_.params.size(), "a state has the parameters of its plan");
  control(run) = RunControl{.iteration = state.iteration};
  put_controls();
  for (std::size_t p = 0; p < state.params.size(); ++p) {
    const auto id = static_cast<ParamId>(p);
    write_param(run, id, Tensor::kValue, state.params[p].master);
    const ParamState& param = memory_.state(run, id);
    for (std::size_t h = 0; h < state.params[p].history.size(); ++h) {
      QRUN_CHECK(std::ssize(state.params[p].history[h]) == param.size, "a state has the sizes of its plan");
      stream_.write(param.history[h], state.params[p].history[h]);
    }
    keep_given(false, run, id);
  }
  for (std::size_t slot = 0; slot < state.ranges.size(); ++slot) {
    ActivationState* at = memory_.activation(static_cast<SlotId>(slot), run);
    std::vector<ActivationState> activation = stream_.read(at, 1);
    activation[0].range = state.ranges[slot];
    stream_.write(at, activation);
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

void CudaProgram::set_values(int run, ParamId param, const std::vector<float>& values) {
  const ParamState& state = memory_.state(run, param);
  QRUN_CHECK(std::ssize(values) == state.size, "values have the blob's size");
  stream_.write(state.value, values);
  keep_given(true, run, param);
}

void CudaProgram::run_step(int run, std::size_t step, std::int64_t n) {
  put_rates(1);
  control(run).step = 0;
  put_controls();
  Scope alone = scope(n, true);
  alone.runs = 1;
  std::visit(Submitter(memory_, alone, run, rates_.data()), plan_.steps.at(step).op);
  get_controls();
}

float* CudaProgram::buffer(int run, BufferId id, Tensor tensor) const {
  return (tensor == Tensor::kValue ? memory_.value(id, run) : memory_.gradient(id, run)).data;
}

std::vector<float> CudaProgram::read(int run, BufferId id, Tensor tensor, std::int64_t n) {
  return stream_.read(buffer(run, id, tensor), n * memory_.size(id));
}

void CudaProgram::write(int run, BufferId id, Tensor tensor, std::int64_t n, const std::vector<float>& values) {
  const bool fits = n <= (tensor == Tensor::kValue ? memory_.largest_batch() : plan_.train_batch);
  QRUN_CHECK(fits && std::ssize(values) == n * memory_.size(id), "values have the buffer's size");
  stream_.write(buffer(run, id, tensor), values);
}

std::vector<float> CudaProgram::read_param(int run, ParamId param, Tensor tensor) {
  const ParamState& state = memory_.state(run, param);
  return stream_.read(tensor == Tensor::kValue ? state.value : state.gradient, state.size);
}

void CudaProgram::write_param(int run, ParamId param, Tensor tensor, const std::vector<float>& values) {
  const ParamState& state = memory_.state(run, param);
  QRUN_CHECK(std::ssize(values) == state.size, "values have the blob's size");
  if (tensor == Tensor::kGradient) return stream_.write(state.gradient, values);
  stream_.write(state.master, values);
  stream_.write(state.value, values);
}

void CudaProgram::write_labels(int run, const std::vector<std::int32_t>& labels) {
  QRUN_CHECK(std::ssize(labels) <= memory_.largest_batch(), "labels fit the batch");
  stream_.write(memory_.labels(run), labels);
}

float CudaProgram::read_loss(int run) { return static_cast<float>(control(run).loss); }

}  // namespace qrun::cuda
