#include "report/leaderboard.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <set>

#include "core/error.h"
#include "store/checkpoint.h"
#include "store/claim_file.h"
#include "store/count_once.h"
#include "store/foreign.h"
#include "store/journal.h"
#include "store/layout.h"

namespace qrun {
namespace {

namespace fs = std::filesystem;

LeaderboardRow row_of(const std::string& path) {
  LeaderboardRow row{read_run(path, ReadDepth::kSummary)};
  row.path = path;
  row.values = values_of(row);
  row.iterations.clear();  // the most of what a file says, and no column
  return row;
}

/// Another file of the run that a journal or a run file belongs to.
std::string beside(const fs::path& file, FileKind kind) {
  return Layout::around(file).file(file.stem().string(), kind);
}

std::optional<Owner> owner_of(const fs::path& journal) { return read_claim(beside(journal, FileKind::kClaim)); }

bool is_known_dead(const std::optional<Owner>& owner) {
  return owner && has_ended(*owner, this_place()).value_or(false);
}

/// True for a run whose process still lives, as far as can be told: it is younger than the file that it will replace.
bool is_under_way(const fs::path& journal) {
  const std::optional<Owner> owner = owner_of(journal);
  return owner && !is_known_dead(owner);
}

std::string where(const std::optional<Owner>& owner) {
  if (!owner) return "";
  if (!owner->job.empty()) return owner->node + " job " + owner->job;
  return owner->host + " process " + std::to_string(owner->pid);
}

/// A run of which a journal is there: it is training now, or its process was killed. What it is its checkpoint says.
LeaderboardRow journal_row(const std::string& path) {
  LeaderboardRow row;
  row.path = path;
  row.run_id = fs::path(path).stem().string();
  row.name = fs::absolute(path).parent_path().filename().string();
  const std::optional<Owner> owner = owner_of(path);
  const bool running = !is_known_dead(owner);
  row.status = running ? RunStatus::kRunning : RunStatus::kInterrupted;
  if (running) row.where = where(owner);
  if (const auto record = read_checkpoint_record(beside(path, FileKind::kCheckpoint))) row.values = values_of(*record);
  for (const JournalLine& line : read_journal(path)) {
    row.train.push_back(line.train);
    if (!line.test) continue;
    row.best_test_accuracy = std::fmax(row.best_test_accuracy, line.test->accuracy);
    if (!running) continue;
    row.top.clear();
    for (const auto& [k, accuracy] : line.top) row.top.push_back({.k = k, .tests = {}, .final_test = accuracy});
    row.final_test_accuracy = line.test->accuracy;  // the last so far
    row.final_test_loss = line.test->loss;
  }
  return row;
}

/// Whether a journal tells more of a run than its file: the run trains, or went on from what the file holds and was
/// killed. What its process had reached when it ended, completely or not, is in the file.
bool is_newer(const std::string& journal, const std::string& file) {
  if (is_under_way(journal)) return true;
  try {
    const RunRecord record = read_run(file, ReadDepth::kSummary);
    return record.status == RunStatus::kInterrupted && read_journal(journal).size() > record.train.size();
  } catch (const Error&) {
    return false;  // collect() says it
  }
}

void collect(const std::string& path, Leaderboard& board, bool is_named) {
  if (fs::path(path).filename() == kIndexName) return;  // an index of the others
  try {
    board.rows.push_back(may_be_journal(path) ? journal_row(path) : row_of(path));
  } catch (const Error& error) {
    if (is_named || !is_foreign(path, error)) board.problems.emplace_back(error.what());
  }
}

void collect_folder(const std::string& folder, Leaderboard& board) {
  const std::size_t before = board.rows.size() + board.problems.size();
  std::set<std::string> files;
  std::string folders;
  std::error_code code;
  std::error_code dangling;  // of a link that leads nowhere
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, code)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file(dangling)) {
      files.insert(entry.path().string());
    } else if (!name.starts_with('.') && name != kSnapshotsName) {
      folders += (folders.empty() ? "" : ", ") + name;
    }
  }
  if (code && files.empty()) board.problems.push_back(folder + ": " + code.message());
  for (const std::string& file : files) {
    const std::string id = fs::path(file).stem().string();
    const std::string journal = beside(file, FileKind::kJournal);
    const std::string ended = beside(file, FileKind::kRun);
    const bool from_journal =
        files.contains(journal) && has_hash(id) && (!files.contains(ended) || is_newer(journal, ended));
    if (file == (from_journal ? journal : ended)) collect(file, board, false);
  }
  if (board.rows.size() + board.problems.size() == before && !folders.empty())
    board.problems.push_back(folder + ": holds no runs; name one of its folders: " + folders);
}

void keep_one_of_each(Leaderboard& board) {
  std::vector<RunCopy> files;
  for (const LeaderboardRow& row : board.rows) {
    files.push_back({.path = row.path,
                     .run_id = row.run_id,
                     .status = row.status,
                     .started = row.started,
                     .finished = row.finished,
                     .wall_seconds = row.wall_seconds,
                     .lives = !row.where.empty()});
  }
  CountedOnce counted = count_once(files);
  std::vector<LeaderboardRow> rows;
  for (const std::size_t i : counted.kept) rows.push_back(std::move(board.rows[i]));
  board.rows = std::move(rows);
  board.notes = std::move(counted.notes);
}

/// Adds each run's columns. A run of which only a journal is there has none: what it is nobody has written yet.
void add_columns(Leaderboard& board) {
  std::vector<const RunValues*> values;
  std::vector<LeaderboardRow*> rows;
  for (LeaderboardRow& row : board.rows) {
    if (row.values.config.empty()) continue;
    values.push_back(&row.values);
    rows.push_back(&row);
  }
  std::vector<Values> columns = columns_of(values);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i]->columns = std::move(columns[i]);
}

}  // namespace

double images_per_second(const RunRecord& run) {
  std::vector<double> rates;
  for (const TrainPoint& point : run.train) rates.push_back(point.images_per_second);
  if (rates.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::ranges::nth_element(rates, rates.begin() + std::ssize(rates) / 2);
  return rates[rates.size() / 2];
}

Leaderboard collect_runs(const std::vector<std::string>& paths, const Wanted& wanted) {
  Leaderboard board;
  for (const std::string& path : paths) {
    std::error_code code;
    if (fs::is_directory(path, code)) {
      collect_folder(path, board);
    } else {
      collect(path, board, true);
    }
  }
  keep_one_of_each(board);
  board.others = std::ssize(board.rows);
  std::erase_if(board.rows, [&](const LeaderboardRow& row) { return !wanted(row.run_id); });
  board.others -= std::ssize(board.rows);
  const auto key = [](const LeaderboardRow& row) {
    return std::isnan(row.final_test_accuracy) ? -1.0 : row.final_test_accuracy;
  };
  std::ranges::stable_sort(board.rows,
                           [&](const LeaderboardRow& a, const LeaderboardRow& b) { return key(a) > key(b); });
  add_columns(board);
  return board;
}

Leaderboard collect_runs(const std::vector<std::string>& paths) {
  return collect_runs(paths, [](const std::string&) { return true; });
}

}  // namespace qrun
