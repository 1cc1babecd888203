// The log: spdlog to stderr, and to a file where one is named.
#pragma once

#include <spdlog/spdlog.h>

#include <string>

namespace qrun {

enum class LogLevel : std::uint8_t { kQuiet, kNormal, kVerbose };

/// Sets up spdlog's default logger. `file` empty: stderr only. Throws EnvironmentError if the file can't be written.
void set_up_log(LogLevel level, const std::string& file);

}  // namespace qrun
