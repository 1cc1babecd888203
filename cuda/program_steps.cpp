// The part of a program that tests and the check engine use: one step at a time, and all that steps touch.
#include "core/error.h"
#include "cuda/program.h"

namespace qrun::cuda {
namespace {

std::vector<float> scales_of(const std::vector<QParams>& params) {
  std::vector<float> scales;
  for (const QParams& p : params) scales.push_back(p.scale);
  return scales;
}

template <class To, class From>
std::vector<To> converted(const From& values) {
  std::vector<To> result;
  for (const auto value : values) result.push_back(static_cast<To>(value));
  return result;
}

}  // namespace

void CudaProgram::run_step(int run, std::size_t step, std::int64_t n) {
  put_rates(1);
  control(run).step = 0;
  put_controls();
  Scope alone = scope(n, true);
  alone.runs = 1;
  std::visit(Submitter(memory_, alone, run, rates_.data()), plan_.steps.at(step).op);
  get_controls();
}

std::vector<float> CudaProgram::read_history(const ParamState& param) const {
  std::vector<float> all;
  for (int h = 0; h < history_of(param.solver).count; ++h) {
    const std::vector<float> history = stream_.read(param.history[h], param.size);
    all.insert(all.end(), history.begin(), history.end());
  }
  return all;
}

void CudaProgram::write_history(const ParamState& param, std::span<const float> values) const {
  const auto size = static_cast<std::size_t>(param.size);
  const auto count = static_cast<std::size_t>(history_of(param.solver).count);
  QRUN_CHECK(values.size() == count * size, "values have the history's size");
  for (std::size_t h = 0; h < count; ++h) stream_.write(param.history[h], values.subspan(h * size, size));
}

std::vector<float> CudaProgram::read(int run, const Operand& what, std::int64_t n) {
  const auto param = [&]() -> const ParamState& { return memory_.state(run, what.id); };
  const auto read = [&](const Tensor& whole) { return stream_.read(whole.data, whole.stride); };
  switch (what.kind) {
    case OperandKind::kValue: return stream_.read(memory_.value(what.id, run).data, n * memory_.size(what.id));
    case OperandKind::kGradient: return stream_.read(memory_.gradient(what.id, run).data, n * memory_.size(what.id));
    case OperandKind::kArgmax:
      return converted<float>(stream_.read(memory_.argmax(what.id, run).data, n * memory_.size(what.id)));
    case OperandKind::kMoments: return read(memory_.moments(what.id, run));
    case OperandKind::kMomentsGradient: return read(memory_.moments_gradient(what.id, run));
    case OperandKind::kMaster: return stream_.read(param().master, param().size);
    case OperandKind::kParamValue: return stream_.read(param().value, param().size);
    case OperandKind::kParamGradient: return stream_.read(param().gradient, param().size);
    case OperandKind::kGradientSum: return stream_.read(param().sum, param().size);
    case OperandKind::kHistory: return read_history(param());
    case OperandKind::kParamFit: return scales_of(stream_.read(param().params, param().slices));
    case OperandKind::kSlotFit: return scales_of({stream_.read(memory_.activation(what.id, run), 1)[0].params});
    case OperandKind::kRange: return converted<float>(stream_.read(memory_.range(what.id, run), 1));
    case OperandKind::kStatistic:
      return converted<float>(stream_.read(memory_.statistic(what.id, run), memory_.statistic_size(what.id)));
    case OperandKind::kLabels: return converted<float>(stream_.read(memory_.labels(run), n));
    case OperandKind::kLoss: return {static_cast<float>(control(run).loss)};
  }
  return {};
}

void CudaProgram::write(int run, const Operand& what, std::int64_t n, std::span<const float> values) {
  const auto param = [&]() -> const ParamState& { return memory_.state(run, what.id); };
  const auto images = [&](std::int64_t largest) {
    QRUN_CHECK(n <= largest, "n images lie in the buffer");
    return n * memory_.size(what.id);
  };
  switch (what.kind) {
    case OperandKind::kValue:
      return put<float>(memory_.value(what.id, run).data, values, images(memory_.largest_batch()));
    case OperandKind::kGradient:
      return put<float>(memory_.gradient(what.id, run).data, values, images(plan_.train_batch));
    case OperandKind::kArgmax:
      return put<std::int32_t>(memory_.argmax(what.id, run).data, converted<std::int32_t>(values),
                               images(memory_.largest_batch()));
    case OperandKind::kMoments:
    case OperandKind::kMomentsGradient: {
      const bool gradient = what.kind == OperandKind::kMomentsGradient;
      const Tensor whole = gradient ? memory_.moments_gradient(what.id, run) : memory_.moments(what.id, run);
      return put<float>(whole.data, values, whole.stride);
    }
    case OperandKind::kStatistic:
      return put<double>(memory_.statistic(what.id, run), converted<double>(values), memory_.statistic_size(what.id));
    case OperandKind::kMaster:
    case OperandKind::kParamValue: return write_param(param(), what.kind, values);
    case OperandKind::kParamGradient: return put<float>(param().gradient, values, param().size);
    case OperandKind::kGradientSum: return put<float>(param().sum, values, param().size);
    case OperandKind::kHistory: return write_history(param(), values);
    case OperandKind::kRange: return put<double>(memory_.range(what.id, run), converted<double>(values), 1);
    case OperandKind::kLabels:
      QRUN_CHECK(n <= memory_.largest_batch(), "labels fit the batch");
      return put<std::int32_t>(memory_.labels(run), converted<std::int32_t>(values), n);
    case OperandKind::kParamFit:
    case OperandKind::kSlotFit:
    case OperandKind::kLoss: QRUN_CHECK(false, "ops alone make fits and the loss");
  }
}

void CudaProgram::write_param(const ParamState& param, OperandKind kind, std::span<const float> values) const {
  const bool both = param.quant.method == kNoQuantizer;
  if (both || kind == OperandKind::kMaster) put<float>(param.master, values, param.size);
  if (both || kind == OperandKind::kParamValue) put<float>(param.value, values, param.size);
}

}  // namespace qrun::cuda
