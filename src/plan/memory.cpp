#include "plan/memory.h"

#include <algorithm>
#include <map>

#include "core/sizes.h"

namespace qrun {
namespace {

constexpr std::int64_t kFloat = 4;  // bytes

std::map<std::string, std::int64_t> memory_by_layer(const Plan& plan) {
  const int histories = plan.runs.empty() ? 0 : history_of(plan.runs[0].solver.type).count;
  const int kept = histories + (plan.accumulate > 1 ? 1 : 0);  // a sum of gradients takes as much
  std::map<std::string, std::int64_t> bytes;
  for (const BufferInfo& buffer : plan.buffers) bytes[buffer.layer] = plus(bytes[buffer.layer], bytes_of(plan, buffer));
  for (const Blob& param : plan.params) bytes[param.layer] = plus(bytes[param.layer], bytes_of(param, kept));
  return bytes;
}

}  // namespace

std::int64_t bytes_of(const Plan& plan, const BufferInfo& buffer) {
  const std::int64_t images = (buffer.has_value ? std::max(plan.train_batch, plan.test_batch) : 0) +
                              (buffer.has_gradient ? plan.train_batch : 0);
  return times(times(buffer.shape.size(), images), kFloat);
}

std::int64_t bytes_of(const Blob& param, int histories) { return times(times(param.size(), 3 + histories), kFloat); }

std::int64_t memory_of(const Plan& plan) {
  std::int64_t sum = 0;
  for (const auto& [layer, bytes] : memory_by_layer(plan)) sum = plus(sum, bytes);
  return sum;
}

LayerMemory largest_layer(const Plan& plan) {
  LayerMemory largest;
  for (const auto& [layer, bytes] : memory_by_layer(plan)) {
    if (bytes > largest.bytes) largest = {layer, bytes};
  }
  return largest;
}

}  // namespace qrun
