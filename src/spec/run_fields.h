// The top level of a configuration.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "spec/fields.h"
#include "spec/network.h"
#include "spec/run_spec.h"

namespace qrun::spec {

/// What `seed` may be.
inline constexpr IntRange kSeeds{.min = 0, .max = std::numeric_limits<std::uint64_t>::max()};

/// The fields of a resolved run, in the order of the canonical text. `draft.layers` is `run.network`; both outlive
/// them.
[[nodiscard]] Fields run_fields(RunSpec& run, NetworkDraft& draft);

/// The above and those that only files have: base, set, vars, quantize, sweep.
[[nodiscard]] Fields file_fields(RunSpec& run, NetworkDraft& draft);

/// The canonical text without the fields in `skipped`.
[[nodiscard]] std::string run_text(const RunSpec& run, const std::vector<std::string>& skipped);

}  // namespace qrun::spec
