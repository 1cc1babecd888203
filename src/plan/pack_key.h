// Which runs may train together.
#pragma once

#include <string>

#include "config/run_spec.h"

namespace qrun {

/// All that the runs of a pack share, which is what the roles of their fields say, as text: runs with the same key
/// lower to the same steps on the same shapes, see the same items and are tested, noted and kept at the same
/// iterations. In all else each run has its own: feeds, quantizers, solver, initial values, files.
[[nodiscard]] std::string pack_key(const RunSpec& run);

}  // namespace qrun
