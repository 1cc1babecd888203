// The part of a program that tests and the check engine use: one step at a time, and all that steps touch.
#include <algorithm>

#include "core/error.h"
#include "cpu/program.h"

namespace qrun::cpu {
namespace {

std::size_t at(int id) { return static_cast<std::size_t>(id); }

/// The first n images of what a batch holds in blocks.
template <class T>
std::vector<float> read_images(const Array<T>& blocks, std::int64_t size, std::int64_t n) {
  QRUN_CHECK(blocks_of(n) * size * kLanes <= blocks.size(), "n images lie in the buffer");
  std::vector<float> values(static_cast<std::size_t>(n * size));
  from_blocks(blocks.data(), size, n, values.data());
  return values;
}

template <class T>
void write_images(std::span<const float> values, std::int64_t size, std::int64_t n, Array<T>& blocks) {
  QRUN_CHECK(std::ssize(values) == n * size && blocks_of(n) * size * kLanes <= blocks.size(),
             "values have the buffer's size");
  for (std::int64_t block = 0; block < blocks_of(n); ++block) to_blocks(values.data(), size, n, block, blocks.data());
}

std::vector<float> read_all(const Array<float>& from) { return {from.data(), from.data() + from.size()}; }

void write_all(std::span<const float> values, Array<float>& to) {
  QRUN_CHECK(std::ssize(values) == to.size(), "values have the blob's size");
  std::ranges::copy(values, to.data());
}

std::vector<float> read_history(const ParamMemory& param) {
  std::vector<float> all;
  for (const Array<float>& history : param.history)
    all.insert(all.end(), history.data(), history.data() + history.size());
  return all;
}

void write_history(std::span<const float> values, ParamMemory& param) {
  for (Array<float>& history : param.history) {
    const auto size = static_cast<std::size_t>(history.size());
    QRUN_CHECK(values.size() >= size, "values have the history's size");
    std::ranges::copy(values.first(size), history.data());
    values = values.subspan(size);
  }
}

void write_labels(std::span<const float> values, std::vector<std::int32_t>& labels) {
  QRUN_CHECK(values.size() <= labels.size(), "labels fit the batch");
  std::ranges::transform(values, labels.begin(), [](float label) { return static_cast<std::int32_t>(label); });
}

std::vector<float> scales_of(const std::vector<QParams>& params) {
  std::vector<float> scales;
  for (const QParams& p : params) scales.push_back(p.scale);
  return scales;
}

}  // namespace

void CpuProgram::run_step(int run, std::size_t step, std::int64_t n) {
  Context context{kernels_, *workers_, memory(run), n, true};
  std::visit([&](const auto& op) { compute(op, context); }, plan_.steps.at(step).op);
}

std::vector<float> CpuProgram::read(int run, const Operand& what, std::int64_t n) {
  RunMemory& mine = memory(run);
  switch (what.kind) {
    case OperandKind::kValue: return read_images(mine.buffer(what.id).value, mine.shape(what.id).size(), n);
    case OperandKind::kGradient: return read_images(mine.buffer(what.id).gradient, mine.shape(what.id).size(), n);
    case OperandKind::kArgmax: return read_images(mine.argmax[at(what.id)], mine.shape(what.id).size(), n);
    case OperandKind::kMoments: return read_all(mine.moments[at(what.id)]);
    case OperandKind::kMomentsGradient: return read_all(mine.moments_gradients[at(what.id)]);
    case OperandKind::kMaster: return read_all(mine.param(what.id).master);
    case OperandKind::kParamValue: return read_all(mine.param(what.id).current());
    case OperandKind::kParamGradient: return read_all(mine.param(what.id).gradient);
    case OperandKind::kGradientSum: return read_all(mine.param(what.id).sum);
    case OperandKind::kHistory: return read_history(mine.param(what.id));
    case OperandKind::kParamFit: return scales_of(mine.param(what.id).params);
    case OperandKind::kSlotFit: return {mine.fit_of(what.id).scale};
    case OperandKind::kRange: return {static_cast<float>(mine.range(what.id))};
    case OperandKind::kStatistic: return {mine.statistic(what.id).begin(), mine.statistic(what.id).end()};
    case OperandKind::kLabels: return {mine.labels.begin(), mine.labels.begin() + n};
    case OperandKind::kLoss: return {static_cast<float>(mine.loss)};
  }
  return {};
}

void CpuProgram::write(int run, const Operand& what, std::int64_t n, std::span<const float> values) {
  RunMemory& mine = memory(run);
  switch (what.kind) {
    case OperandKind::kValue: return write_images(values, mine.shape(what.id).size(), n, mine.buffer(what.id).value);
    case OperandKind::kGradient:
      return write_images(values, mine.shape(what.id).size(), n, mine.buffer(what.id).gradient);
    case OperandKind::kArgmax: return write_images(values, mine.shape(what.id).size(), n, mine.argmax[at(what.id)]);
    case OperandKind::kMoments: return write_all(values, mine.moments[at(what.id)]);
    case OperandKind::kMomentsGradient: return write_all(values, mine.moments_gradients[at(what.id)]);
    case OperandKind::kMaster: return write_all(values, mine.param(what.id).master);
    case OperandKind::kParamValue: return write_all(values, mine.param(what.id).current());
    case OperandKind::kParamGradient: return write_all(values, mine.param(what.id).gradient);
    case OperandKind::kGradientSum: return write_all(values, mine.param(what.id).sum);
    case OperandKind::kHistory: return write_history(values, mine.param(what.id));
    case OperandKind::kRange: mine.range(what.id) = static_cast<double>(values[0]); break;
    case OperandKind::kStatistic: return mine.statistic(what.id).assign(values.begin(), values.end());
    case OperandKind::kLabels: return write_labels(values, mine.labels);
    case OperandKind::kParamFit:
    case OperandKind::kSlotFit:
    case OperandKind::kLoss: QRUN_CHECK(false, "ops alone make fits and the loss");
  }
}

}  // namespace qrun::cpu
