// What Slurm takes for the limits of a job.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace qrun::config {

/// Seconds of `MM`, `MM:SS`, `HH:MM:SS`, `D-HH`, `D-HH:MM`, `D-HH:MM:SS`; 0 for no limit, which `UNLIMITED` is as well.
/// Nothing for other text.
[[nodiscard]] std::optional<std::int64_t> time_limit_seconds(const std::string& time);

}  // namespace qrun::config
