// Runs the test of a stored network: from its codes, scales and offsets alone.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"

namespace qrun {

struct Evaluation {
  double accuracy = 0, loss = 0;
  std::int64_t items = 0;
  std::int64_t differing = 0;                             // predictions that are not the stored ones
  std::vector<std::pair<std::int64_t, double>> top = {};  // k of metrics.top_k but 1, accuracy
};

/// Master parameters are used only where a layer has no quantizer. Throws Error where the file holds no final test or
/// does not fit its own configuration, ConfigError where the test set is another one than the run's.
[[nodiscard]] Evaluation evaluate(const std::string& run_file, Engine& engine);

}  // namespace qrun
