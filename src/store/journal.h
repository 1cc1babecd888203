// The log of a run under way: one JSON line an epoch, for live readers on any file system.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/run_file.h"

namespace qrun {

struct JournalLine {
  TrainPoint train;
  std::optional<TestPoint> test;  // the epoch's last
};

/// Appends a line with one write, so that a reader never sees half of it. Throws EnvironmentError (path, reason).
void append_journal(const std::string& path, const JournalLine& line);

/// The whole lines of a journal; a last line that was cut is left out. Throws Error if the file can't be read.
[[nodiscard]] std::vector<JournalLine> read_journal(const std::string& path);

}  // namespace qrun
