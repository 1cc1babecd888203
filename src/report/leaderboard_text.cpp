// The leaderboard for people: an aligned table, and what is to be said of some runs below it.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "report/leaderboard.h"
#include "report/leaderboard_columns.h"

namespace qrun {
namespace {

using Line = std::vector<std::string>;

/// Puts columns of text to the left, numbers to the right.
std::string aligned(const std::vector<Line>& lines, const std::vector<bool>& is_text) {
  std::vector<std::size_t> widths(lines[0].size());
  for (const Line& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const Line& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      text += is_text[i] ? fmt::format("{:<{}}", line[i], widths[i]) : fmt::format("{:>{}}", line[i], widths[i]);
      text += i + 1 < line.size() ? "  " : "\n";
    }
  }
  return text;
}

/// True where runs differ in more than their seed.
bool is_sweep(const Leaderboard& board) {
  return std::ranges::any_of(board.rows, [](const LeaderboardRow& row) {
    return std::ranges::any_of(row.columns, [](const auto& pair) { return pair.first != "seed"; });
  });
}

std::string run_table(const Leaderboard& board) {
  std::vector<Line> lines(1);
  std::vector<bool> is_text;
  for (const RunColumn& column : kRunColumns) {
    if (column.title == nullptr) continue;
    lines[0].emplace_back(column.title);
    is_text.push_back(column.shown == as_text);
  }
  for (const LeaderboardRow& row : board.rows) {
    Line& line = lines.emplace_back();
    for (const RunColumn& column : kRunColumns) {
      if (column.title != nullptr) line.push_back(column.shown(column.cell(row)));
    }
  }
  return aligned(lines, is_text);
}

/// An address by its last part where nothing else has the same name.
std::string short_name(const std::vector<std::string>& addresses, const std::string& address) {
  const auto last = [](const std::string& path) { return path.substr(path.rfind('.') + 1); };
  const auto is_same = [&](const std::string& other) { return last(other) == last(address); };
  const bool is_title = std::ranges::find(kGroupColumns, last(address), &GroupColumn::title) != std::end(kGroupColumns);
  return std::ranges::count_if(addresses, is_same) == 1 && !is_title ? last(address) : address;
}

std::string group_table(const Leaderboard& board) {
  std::vector<std::string> addresses = addresses_of(board);
  std::erase(addresses, "seed");
  std::vector<Line> lines(1);
  for (const std::string& address : addresses) lines[0].push_back(short_name(addresses, address));
  for (const GroupColumn& column : kGroupColumns) lines[0].emplace_back(column.title);
  bool any_overlap = false;
  for (const LeaderboardGroup& group : group_by_seed(board)) {
    Line& line = lines.emplace_back();
    for (const std::string& address : addresses) {
      const std::string text = value_at(group.example, address);
      line.push_back(text.empty() ? "-" : text);
    }
    for (const GroupColumn& column : kGroupColumns) line.push_back(column.shown(group));
    any_overlap = any_overlap || group.overlaps_next;
  }
  std::vector<bool> is_text(addresses.size(), true);
  is_text.resize(lines[0].size(), false);
  std::string text = aligned(lines, is_text);
  if (any_overlap) text += "~ not distinguishable from the line below: their 95 % intervals over seeds overlap\n";
  return text;
}

/// Returns the means over seeds, which replicates are run for; nothing where only one has ended.
std::string means_over_seeds(const Leaderboard& board) {
  Leaderboard replicates;
  std::ranges::copy_if(board.rows, std::back_inserter(replicates.rows),
                       [](const LeaderboardRow& row) { return !value_at(row, "seed").empty(); });
  std::string text;
  for (const LeaderboardGroup& group : group_by_seed(replicates)) {
    if (group.complete < 2) continue;
    const std::string all = group.complete == group.runs ? "" : fmt::format("{} of ", group.complete);
    text += fmt::format("{}: mean accuracy {:.4f} +- {:.4f}, the 95 % interval over {}{} seeds\n", group.name,
                        group.accuracy, group.half_width, all, group.runs);
  }
  return text;
}

}  // namespace

std::string to_table(const Leaderboard& board) {
  std::string text = is_sweep(board) ? group_table(board) : run_table(board) + means_over_seeds(board);
  for (const LeaderboardRow& row : board.rows) {
    const auto epoch = row.train.size();
    if (row.status == RunStatus::kRunning)
      text += fmt::format("{}: {}, epoch {}, on {}\n", row.run_id, name_of(row.status), epoch,
                          row.where.empty() ? "?" : row.where);
    if (row.status == RunStatus::kInterrupted && !has_group(row))
      text += fmt::format("{}: {}, epoch {}\n", row.run_id, name_of(row.status), epoch);
    if (!row.error.empty()) text.append(row.run_id).append(": ").append(row.error).append("\n");
  }
  return text + changed_data_lines(board);
}

}  // namespace qrun
