// The top level of a configuration.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "config/fields/fields.h"
#include "config/fields/network.h"
#include "config/run_spec.h"

namespace qrun::config {

/// What `seed` may be.
inline constexpr IntRange kSeeds{.min = 0, .max = std::numeric_limits<std::uint64_t>::max()};

/// The fields of a resolved run, in the order of the canonical text. `draft.layers` is `run.network`; both outlive
/// them.
[[nodiscard]] Fields run_fields(RunSpec& run, NetworkDraft& draft);

/// The above and those that only files have: base, set, vars, quantize, sweep.
[[nodiscard]] Fields file_fields(RunSpec& run, NetworkDraft& draft);

/// Keys that do not define a run: no part of its id, and one value for a whole sweep.
inline constexpr std::array<std::string_view, 4> kOutsideId = {"name", "output", "cluster", "engine"};

/// The run as a document.
[[nodiscard]] Node run_node(const RunSpec& run);

/// The canonical text, in which YAML 1.1 finds the same numbers and texts.
[[nodiscard]] std::string run_text(const RunSpec& run);

}  // namespace qrun::config
