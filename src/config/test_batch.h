// Activations that are quantized by what the batch under test holds.
#pragma once

#include <string>
#include <vector>

#include "config/run_spec.h"

namespace qrun::config {

/// A line that warns where test batches differ between runs whose activations take their range from them; else "".
[[nodiscard]] std::string test_batch_warning(const std::vector<RunSpec>& runs);

}  // namespace qrun::config
