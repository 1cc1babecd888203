// Where and when this process runs, in the words of files.
#pragma once

#include <string>

namespace qrun {

[[nodiscard]] std::string host_name();

/// The current time, ISO 8601, UTC.
[[nodiscard]] std::string utc_now();

}  // namespace qrun
