#include "cpu/memory.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "plan/operands.h"

namespace qrun::cpu {

template <class T>
Array<T>::Array(std::int64_t n) : data_(hwy::AllocateAligned<T>(static_cast<std::size_t>(n > 0 ? n : 1))), size_(n) {
  if (!data_) throw std::bad_alloc();
  std::fill_n(data_.get(), n, T{});
}
template class Array<float>;
template class Array<std::int32_t>;

namespace {

ParamMemory memory_of(const Blob& blob, const QuantSettings& quant, int histories, std::int64_t batches) {
  ParamMemory memory{.master = Array<float>(blob.size()),
                     .value = Array<float>(blob.size()),
                     .gradient = Array<float>(blob.size()),
                     .history = {},
                     .sum = Array<float>(batches > 1 ? blob.size() : 0),
                     .params = {}};
  for (int h = 0; h < histories; ++h) memory.history[h] = Array<float>(blob.size());
  if (quant.method != kNoQuantizer)
    memory.params.resize(static_cast<std::size_t>(quant.per_channel ? blob.dims[0] : 1));
  return memory;
}

}  // namespace

RunMemory::RunMemory(const Plan& the_plan, int run)
    : plan(the_plan),
      settings(the_plan.runs[static_cast<std::size_t>(run)]),
      argmax(the_plan.buffers.size()),
      moments(the_plan.buffers.size()),
      moments_gradients(the_plan.buffers.size()) {
  const std::int64_t train_blocks = blocks_of(plan.train_batch);
  const std::int64_t blocks = std::max(train_blocks, blocks_of(plan.test_batch));
  for (const BufferInfo& info : plan.buffers) {
    const std::int64_t size = info.shape.size() * kLanes;
    buffers.push_back(
        {Array<float>(info.has_value ? blocks * size : 0), Array<float>(info.has_gradient ? train_blocks * size : 0)});
  }
  for (const Step& step : plan.steps) {
    for (const Operand& out : operands_of(step.op).writes) {
      if (out.kind == OperandKind::kArgmax)
        argmax[static_cast<std::size_t>(out.id)] = Array<std::int32_t>(blocks * shape(out.id).size() * kLanes);
      if (out.kind == OperandKind::kMoments)
        moments[static_cast<std::size_t>(out.id)] = Array<float>(2 * shape(out.id).c);
      if (out.kind == OperandKind::kMomentsGradient)
        moments_gradients[static_cast<std::size_t>(out.id)] = Array<float>(2 * shape(out.id).c);
    }
  }
  const int histories = history_of(settings.solver.type).count;
  for (std::size_t p = 0; p < plan.params.size(); ++p)
    params.push_back(memory_of(plan.params[p], settings.params[p].quant, histories, plan.accumulate));
  for (const Blob& blob : plan.statistics)
    statistics.emplace_back(static_cast<std::size_t>(blob.size()), info_of(blob.role).start.value());
  fits.resize(plan.activations.size());
  labels.resize(static_cast<std::size_t>(std::max(plan.train_batch, plan.test_batch)));
}

float* RunMemory::scratch_floats(std::int64_t n) {
  if (scratch.size() < n) scratch = Array<float>(n);
  return scratch.data();
}

void RunMemory::diverge(const std::string& layer, const std::string& what) {
  if (!divergence) divergence = Divergence{iteration, layer, what};
}

template <class T>
void from_blocks(const T* blocks, std::int64_t size, std::int64_t n, float* logical) {
  for (std::int64_t image = 0; image < n; ++image) {
    const T* block = blocks + (image / kLanes) * size * kLanes + image % kLanes;
    for (std::int64_t i = 0; i < size; ++i) logical[image * size + i] = static_cast<float>(block[i * kLanes]);
  }
}

template <class T>
void to_blocks(const float* logical, std::int64_t size, std::int64_t n, std::int64_t block, T* blocks) {
  const std::int64_t valid = valid_lanes(n, block);
  const float* images = logical + block * kLanes * size;
  T* out = blocks + block * kLanes * size;
  for (std::int64_t i = 0; i < size; ++i) {
    for (std::int64_t lane = 0; lane < valid; ++lane) out[i * kLanes + lane] = static_cast<T>(images[lane * size + i]);
    for (std::int64_t lane = valid; lane < kLanes; ++lane) out[i * kLanes + lane] = T{};
  }
}

template void from_blocks(const float*, std::int64_t, std::int64_t, float*);
template void from_blocks(const std::int32_t*, std::int64_t, std::int64_t, float*);
template void to_blocks(const float*, std::int64_t, std::int64_t, std::int64_t, float*);
template void to_blocks(const float*, std::int64_t, std::int64_t, std::int64_t, std::int32_t*);

}  // namespace qrun::cpu
