// `qrun run --dry-run`: what would be done, and what it would take.
#pragma once

#include <string>

#include "runner/sweep_plan.h"

namespace qrun {

/// Runs with their states, the packs, and estimates of time, memory and disk: as a table, or as JSON.
[[nodiscard]] std::string dry_run_text(SweepPlan& plan, bool json);

}  // namespace qrun
