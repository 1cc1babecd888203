// The log: spdlog to stderr, and to a file where one is named.
#pragma once

#include <spdlog/spdlog.h>

#include <string>

namespace qrun {

enum class LogLevel : std::uint8_t { kQuiet, kNormal, kVerbose };

/// Sets up spdlog's default logger. `file` empty: stderr only. Throws EnvironmentError if the file can't be written.
/// A file that can't be written later is named on stderr, once; the program goes on.
void set_up_log(LogLevel level, const std::string& file);

/// False if lines are missing in the log's file.
[[nodiscard]] bool log_is_whole();

}  // namespace qrun
