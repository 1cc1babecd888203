// What a run takes of memory while it trains: at least this much, whatever the engine.
#pragma once

#include <cstdint>
#include <string>

#include "plan/plan.h"

namespace qrun {

/// Values of the larger batch, and gradients of the training batch. kTooLarge where 64 bits don't hold it.
[[nodiscard]] std::int64_t bytes_of(const Plan& plan, const BufferInfo& buffer);

/// Master, value and gradient of a parameter, and as many histories of the solver.
[[nodiscard]] std::int64_t bytes_of(const Blob& param, int histories);

/// Returns the bytes of all that a run takes.
[[nodiscard]] std::int64_t memory_of(const Plan& plan);

/// The layer that takes most of a run's memory.
struct LayerMemory {
  std::string layer;
  std::int64_t bytes = 0;
};
[[nodiscard]] LayerMemory largest_layer(const Plan& plan);

}  // namespace qrun
