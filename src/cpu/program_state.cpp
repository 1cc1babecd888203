// The part of a program that reads and writes runs: their states and codes.
#include <algorithm>

#include "core/error.h"
#include "cpu/program.h"
#include "quant/all.h"

namespace qrun::cpu {
namespace {

std::vector<float> values_of(const Array<float>& array) { return {array.data(), array.data() + array.size()}; }

void copy(std::span<const float> from, Array<float>& to) {
  QRUN_CHECK(std::ssize(from) == to.size(), "a state has the sizes of its plan");
  std::ranges::copy(from, to.data());
}

}  // namespace

TrainingState CpuProgram::state(int run) {
  const RunMemory& mine = memory(run);
  TrainingState state{.iteration = mine.iteration, .params = {}, .statistics = mine.statistics};
  for (const ParamMemory& param : mine.params) {
    TrainingState::Param stored{values_of(param.master), {}};
    for (int h = 0; h < history_of(mine.settings.solver.type).count; ++h)
      stored.history.push_back(values_of(param.history[h]));
    state.params.push_back(std::move(stored));
  }
  return state;
}

void CpuProgram::restore(int run, const TrainingState& state) {
  RunMemory& mine = memory(run);
  QRUN_CHECK(state.params.size() == mine.params.size() && state.statistics.size() == mine.statistics.size(),
             "a state has the blobs of its plan");
  mine.iteration = state.iteration;
  mine.batch = 0;
  mine.divergence.reset();
  for (std::size_t p = 0; p < state.params.size(); ++p) {
    copy(state.params[p].master, mine.params[p].master);
    for (std::size_t h = 0; h < state.params[p].history.size(); ++h)
      copy(state.params[p].history[h], mine.params[p].history[h]);
    std::fill_n(mine.params[p].sum.data(), mine.params[p].sum.size(), 0.0F);
    mine.params[p].given = false;
  }
  for (std::size_t i = 0; i < state.statistics.size(); ++i)
    QRUN_CHECK(state.statistics[i].size() == mine.statistics[i].size(), "a state has the sizes of its plan");
  mine.statistics = state.statistics;
}

QuantizedBlob CpuProgram::codes(int run, ParamId param) {
  RunMemory& mine = memory(run);
  Context context{kernels_, *workers_, mine, 0, false};
  compute(QuantizeParamOp{param}, context);
  const QuantSettings& settings = mine.settings.params[static_cast<std::size_t>(param)].quant;
  QRUN_CHECK(settings.method != kNoQuantizer, "codes of a blob without quantizer");
  const ParamMemory& memory = mine.param(param);
  QuantizedBlob blob{{}, memory.params};
  const std::int64_t slice = memory.master.size() / std::ssize(memory.params);
  AllQuantizers::visit(settings.method, [&]<class Q>() {
    for (std::int64_t i = 0; i < memory.master.size(); ++i) {
      blob.codes.push_back(Q::code(memory.master.data()[i], memory.params[static_cast<std::size_t>(i / slice)]));
    }
  });
  return blob;
}

void CpuProgram::set_values(int run, ParamId param, std::span<const float> values) {
  ParamMemory& memory = this->memory(run).param(param);
  copy(values, memory.value);
  memory.given = true;
}

}  // namespace qrun::cpu
