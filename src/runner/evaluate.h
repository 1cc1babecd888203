// Runs the test of a stored network: from its codes, scales and offsets alone.
#pragma once

#include <string>

#include "engine/engine.h"

namespace qrun {

struct Evaluation {
  double accuracy = 0, loss = 0;
  std::int64_t items = 0;
  std::int64_t differing = 0;  // predictions that are not the stored ones
};

/// Master parameters are used only where a layer has no quantizer. Throws Error where the file holds no final test or
/// does not fit its own configuration, ConfigError where the test set is another one than the run's.
[[nodiscard]] Evaluation evaluate(const std::string& run_file, Engine& engine);

}  // namespace qrun
