// How long an epoch is.
#pragma once

#include <cstdint>

#include "config/run_spec.h"

namespace qrun {

/// Returns `iterations_per_epoch` of the run, or its default: items / images an iteration, rounded down, at least 1.
[[nodiscard]] std::int64_t iterations_per_epoch(const RunSpec& spec, std::int64_t train_items);

}  // namespace qrun
