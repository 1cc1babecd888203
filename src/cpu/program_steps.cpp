// The part of a program that tests use: one step at a time, tensors in logical order.
#include <algorithm>

#include "core/error.h"
#include "cpu/program.h"

namespace qrun::cpu {
namespace {

Array<float>& pick(Program::Tensor tensor, Array<float>& value, Array<float>& gradient) {
  return tensor == Program::Tensor::kValue ? value : gradient;
}

}  // namespace

void CpuProgram::run_step(int run, std::size_t step, std::int64_t n) {
  Context context{kernels_, *workers_, memory(run), n, true};
  std::visit([&](const auto& op) { compute(op, context); }, plan_.steps.at(step).op);
}

std::vector<float> CpuProgram::read(int run, BufferId buffer, Tensor tensor, std::int64_t n) {
  BufferMemory& memory = this->memory(run).buffer(buffer);
  const std::int64_t size = this->memory(run).shape(buffer).size();
  std::vector<float> values(static_cast<std::size_t>(n * size));
  from_blocks(pick(tensor, memory.value, memory.gradient).data(), size, n, values.data());
  return values;
}

void CpuProgram::write(int run, BufferId buffer, Tensor tensor, std::int64_t n, const std::vector<float>& values) {
  BufferMemory& memory = this->memory(run).buffer(buffer);
  const std::int64_t size = this->memory(run).shape(buffer).size();
  QRUN_CHECK(static_cast<std::int64_t>(values.size()) == n * size, "values have the buffer's size");
  for (std::int64_t block = 0; block < blocks_of(n); ++block)
    to_blocks(values.data(), size, n, block, pick(tensor, memory.value, memory.gradient).data());
}

std::vector<float> CpuProgram::read_param(int run, ParamId param, Tensor tensor) {
  ParamMemory& memory = this->memory(run).param(param);
  const float* values = tensor == Tensor::kValue ? memory.current() : memory.gradient.data();
  return {values, values + memory.master.size()};
}

void CpuProgram::write_param(int run, ParamId param, Tensor tensor, const std::vector<float>& values) {
  ParamMemory& memory = this->memory(run).param(param);
  QRUN_CHECK(static_cast<std::int64_t>(values.size()) == memory.master.size(), "values have the blob's size");
  std::ranges::copy(values, pick(tensor, memory.master, memory.gradient).data());
}

void CpuProgram::write_labels(int run, const std::vector<std::int32_t>& labels) {
  QRUN_CHECK(labels.size() <= memory(run).labels.size(), "labels fit the batch");
  std::ranges::copy(labels, memory(run).labels.begin());
}

float CpuProgram::read_loss(int run) { return static_cast<float>(memory(run).loss); }

}  // namespace qrun::cpu
