#include "cpu/memory.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "quant/all.h"

namespace qrun::cpu {

template <class T>
Array<T>::Array(std::int64_t n) : data_(hwy::AllocateAligned<T>(static_cast<std::size_t>(n > 0 ? n : 1))), size_(n) {
  if (!data_) throw std::bad_alloc();
  std::fill_n(data_.get(), n, T{});
}
template class Array<float>;
template class Array<std::int32_t>;

namespace {

bool is_pool(const Op& op, BufferId& y) {
  if (const auto* pool = std::get_if<MaxPool2dOp>(&op)) return y = pool->y, true;
  if (const auto* pool = std::get_if<QuantizeMaxPool2dOp>(&op)) return y = pool->y, true;
  return false;
}

}  // namespace

RunMemory::RunMemory(const Plan& the_plan, int run)
    : plan(the_plan), settings(the_plan.runs[static_cast<std::size_t>(run)]), argmax(the_plan.buffers.size()) {
  const std::int64_t train_blocks = blocks_of(plan.train_batch);
  const std::int64_t blocks = std::max(train_blocks, blocks_of(plan.test_batch));
  for (const BufferInfo& info : plan.buffers) {
    const std::int64_t size = info.shape.size() * kLanes;
    buffers.push_back({Array<float>(blocks * size), Array<float>(info.has_gradient ? train_blocks * size : 0)});
  }
  for (const Step& step : plan.steps) {
    BufferId y = kNone;
    if (is_pool(step.op, y))
      argmax[static_cast<std::size_t>(y)] = Array<std::int32_t>(blocks * shape(y).size() * kLanes);
  }
  const int histories = history_of(settings.solver.type).count;
  for (const ParamInfo& info : plan.params) {
    ParamMemory memory{Array<float>(info.size()), Array<float>(info.size()), Array<float>(info.size()), {}, {}};
    for (int h = 0; h < histories; ++h) memory.history[h] = Array<float>(info.size());
    params.push_back(std::move(memory));
  }
  activations.resize(plan.activations.size());
  labels.resize(static_cast<std::size_t>(std::max(plan.train_batch, plan.test_batch)));
}

float* RunMemory::scratch_floats(std::int64_t n) {
  if (scratch.size() < n) scratch = Array<float>(n);
  return scratch.data();
}

void RunMemory::diverge(const std::string& layer, const std::string& blob) {
  if (!divergence) divergence = Divergence{iteration, layer, blob};
}

void from_blocks(const float* blocks, std::int64_t size, std::int64_t n, float* logical) {
  for (std::int64_t image = 0; image < n; ++image) {
    const float* block = blocks + (image / kLanes) * size * kLanes + image % kLanes;
    for (std::int64_t i = 0; i < size; ++i) logical[image * size + i] = block[i * kLanes];
  }
}

void to_blocks(const float* logical, std::int64_t size, std::int64_t n, std::int64_t block, float* blocks) {
  const std::int64_t valid = valid_lanes(n, block);
  const float* images = logical + block * kLanes * size;
  float* out = blocks + block * kLanes * size;
  for (std::int64_t i = 0; i < size; ++i) {
    for (std::int64_t lane = 0; lane < valid; ++lane) out[i * kLanes + lane] = images[lane * size + i];
    for (std::int64_t lane = valid; lane < kLanes; ++lane) out[i * kLanes + lane] = 0.0f;
  }
}

}  // namespace qrun::cpu
