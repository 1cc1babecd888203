// The log of a run under way: one JSON line an epoch, for live readers on any file system.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/run_file.h"

namespace qrun {

struct JournalLine {
  TrainPoint train;
  std::optional<TestPoint> test = {};                     // the epoch's last
  std::vector<std::pair<std::int64_t, double>> top = {};  // of this test: k, accuracy
};

/// Appends a line, with the time, in one write: a reader sees all of it or nothing. Numbers that are not finite become
/// null. Throws EnvironmentError (path, the system's reason).
void append_journal(const std::string& path, const JournalLine& line);

/// The whole lines of a journal; lines that were cut or are something else are left out. Throws Error if the file can't
/// be read.
[[nodiscard]] std::vector<JournalLine> read_journal(const std::string& path);

}  // namespace qrun
