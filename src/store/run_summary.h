// What run files and checkpoints have in common: identity, swept values, metrics, the network's sizes.
#pragma once

#include "store/h5.h"
#include "store/run_file.h"

namespace qrun {

inline constexpr std::int64_t kFormatVersion = 1;
inline constexpr const char* kRunFormat = "qrun-run";

void write_summary(const h5::Group& root, const RunRecord& record, const char* format);

/// Throws Error where the file is of another format or of a newer version.
[[nodiscard]] RunRecord read_summary(const h5::Group& root, const char* format);

}  // namespace qrun
