// Optimisations: Plan -> Plan, the same results in fewer ops.
#pragma once

#include "plan/plan.h"

namespace qrun {

/// QuantizeOp followed by MaxPool2dOp, and their backward steps, each in one pass over memory.
/// The quantized image between them loses its buffer's use; its size becomes zero.
[[nodiscard]] Plan fuse_quantize_pool(Plan plan);

/// Leaves out what flattens an image for a matrix product alone, which reads it flat by itself, and the way back. The
/// flat image loses its buffer's use; its size becomes zero.
[[nodiscard]] Plan skip_flatten(Plan plan);

}  // namespace qrun
