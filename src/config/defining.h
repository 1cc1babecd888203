// What defines a run: its resolved configuration without what says where it is computed or what is reported of it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/run_spec.h"

namespace qrun {

/// The text whose hash is a run's id. A run is found again by it, so these bytes stay as they are for ever.
[[nodiscard]] std::string defining_text(const RunSpec& run);

/// Returns what defines a run value by value, `solver.lr` -> `0.01`, in the order of defining_text(), with the keys
/// that came later. A layer goes by its name, a list is one value, and a blob without quantizer has the method none.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> defining_values(const RunSpec& run);

}  // namespace qrun
