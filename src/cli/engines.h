// The one place that names the engines.
#pragma once

#include <memory>
#include <string>

#include "config/run_spec.h"
#include "engine/engine.h"
#include "runner/session.h"
#include "runner/sweep_training.h"

namespace qrun {

[[nodiscard]] BuildInfo build_info();

/// Version, commit, engines, and why one is not usable.
[[nodiscard]] std::string version_text();

/// The wanted engine. A run that was begun with another instruction set goes on with it where this machine has it, else
/// with a warning: its bits may then differ. `auto` takes the CPU, with a line in the log, where CUDA is not usable.
/// Throws EnvironmentError where an engine that was asked for is not usable.
[[nodiscard]] std::unique_ptr<Engine> make_engine(const EngineWish& wish);

}  // namespace qrun
