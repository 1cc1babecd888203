// The leaderboard as an aligned table, CSV and JSON.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>

#include "report/leaderboard.h"

namespace qrun {
namespace {

using Json = nlohmann::ordered_json;
using Line = std::vector<std::string>;

std::vector<std::string> column_names(const Leaderboard& board) {
  std::vector<std::string> names;
  for (const LeaderboardRow& row : board.rows) {
    for (const auto& [name, value] : row.columns) {
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

std::string cell(const LeaderboardRow& row, const std::string& name) {
  const auto at = std::ranges::find(row.columns, name, &std::pair<std::string, std::string>::first);
  return at == row.columns.end() ? "" : at->second;
}

std::string number(const char* format, double value) {
  return std::isnan(value) ? "-" : fmt::format(fmt::runtime(format), value);
}

std::string kibibytes(std::int64_t bits) {
  return bits == 0 ? "-" : fmt::format("{:.1f}", static_cast<double>(bits) / 8192.0);
}

/// A field of CSV as RFC 4180 has it.
std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string result = "\"";
  for (const char c : text) result += c == '"' ? std::string("\"\"") : std::string(1, c);
  return result + "\"";
}

std::string joined(const Line& fields) {
  Line line;
  for (const std::string& field : fields) line.push_back(quoted(field));
  return fmt::format("{}\n", fmt::join(line, ","));
}

/// The first columns to the left, numbers to the right.
std::string aligned(const std::vector<Line>& lines, std::size_t left) {
  std::vector<std::size_t> widths(lines[0].size());
  for (const Line& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const Line& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      text += i < left ? fmt::format("{:<{}}", line[i], widths[i]) : fmt::format("{:>{}}", line[i], widths[i]);
      text += i + 1 < line.size() ? "  " : "\n";
    }
  }
  return text;
}

/// A number of CSV: all its digits, empty for none.
std::string full(double value) { return std::isnan(value) ? "" : fmt::format("{}", value); }

Json json_number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json row_json(const LeaderboardRow& row) {
  Json params = Json::object();
  for (const auto& [name, text] : row.columns) {
    const Json parsed = Json::parse(text, nullptr, false);
    params[name] = parsed.is_discarded() ? Json(text) : parsed;
  }
  return {{"run_id", row.run_id},
          {"name", row.name},
          {"status", row.status},
          {"epochs", row.epochs},
          {"final_test_accuracy", json_number(row.final_test_accuracy)},
          {"best_test_accuracy", json_number(row.best_test_accuracy)},
          {"final_test_loss", json_number(row.final_test_loss)},
          {"images_per_second", json_number(row.images_per_second)},
          {"wall_seconds", json_number(row.wall_seconds)},
          {"model_bits", row.model_bits},
          {"model_bits_float", row.model_bits_float},
          {"macs", row.macs},
          {"bit_operations", row.bit_operations},
          {"engine", row.engine},
          {"error", row.error},
          {"changed_data", row.changed_data},
          {"where", row.where},
          {"path", row.path},
          {"params", params}};
}

/// True where runs differ in more than their seed.
bool is_sweep(const Leaderboard& board) {
  return std::ranges::any_of(board.rows, [](const LeaderboardRow& row) {
    return std::ranges::any_of(row.columns, [](const auto& pair) { return pair.first != "seed"; });
  });
}

std::string run_table(const Leaderboard& board) {
  std::vector<Line> lines{{"run", "status", "epochs", "accuracy", "best", "loss", "images/s", "seconds", "KiB"}};
  for (const LeaderboardRow& row : board.rows) {
    lines.push_back({row.run_id, row.status, std::to_string(row.epochs), number("{:.4f}", row.final_test_accuracy),
                     number("{:.4f}", row.best_test_accuracy), number("{:.4f}", row.final_test_loss),
                     number("{:.0f}", row.images_per_second), number("{:.0f}", row.wall_seconds),
                     kibibytes(row.model_bits)});
  }
  return aligned(lines, 2);
}

constexpr std::array<const char*, 9> kTitles = {"runs", "accuracy", "+-95%", "",       "loss",
                                                "KiB",  "MMAC",     "GBOP",  "seconds"};

/// An address by its last part where no other has the same.
std::string short_name(const std::vector<std::string>& names, const std::string& name) {
  const auto last = [](const std::string& path) { return path.substr(path.rfind('.') + 1); };
  const auto same = std::ranges::count_if(names, [&](const std::string& other) { return last(other) == last(name); });
  return same == 1 && std::ranges::find(kTitles, last(name)) == kTitles.end() ? last(name) : name;
}

/// Giga of a count.
std::string giga(std::int64_t count) { return number("{:.3f}", static_cast<double>(count) * 1e-9); }

std::string group_table(const Leaderboard& board) {
  std::vector<std::string> names = column_names(board);
  std::erase(names, "seed");
  std::vector<Line> lines(1);
  for (const std::string& name : names) lines[0].push_back(short_name(names, name));
  for (const char* title : kTitles) lines[0].emplace_back(title);
  bool any_overlap = false;
  for (const LeaderboardGroup& group : group_by_seed(board)) {
    Line line;
    for (const std::string& name : names) {
      const std::string text = cell(group.example, name);
      line.push_back(text.empty() ? "-" : text);
    }
    const LeaderboardRow& costs = group.example;
    const bool all = group.complete == group.runs;
    line.push_back(all ? std::to_string(group.runs) : fmt::format("{}/{}", group.complete, group.runs));
    line.push_back(number("{:.4f}", group.accuracy));
    line.push_back(number("{:.4f}", group.half_width));
    line.emplace_back(group.overlaps_next ? "~" : "");
    line.push_back(number("{:.4f}", group.loss));
    line.push_back(kibibytes(costs.model_bits));
    line.push_back(number("{:.2f}", static_cast<double>(costs.macs) * 1e-6));
    line.push_back(giga(costs.bit_operations));
    line.push_back(number("{:.0f}", group.wall_seconds));
    lines.push_back(std::move(line));
    any_overlap = any_overlap || group.overlaps_next;
  }
  std::string text = aligned(lines, names.size());
  if (any_overlap) text += "~ not distinguishable from the line below: their 95 % intervals over seeds overlap\n";
  return text;
}

/// What replicates are run for; nothing where only one has ended.
std::string means_over_seeds(const Leaderboard& board) {
  Leaderboard replicates;
  std::ranges::copy_if(board.rows, std::back_inserter(replicates.rows),
                       [](const LeaderboardRow& row) { return !cell(row, "seed").empty(); });
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
    if (row.status == "running")
      text +=
          fmt::format("{}: running, epoch {}, on {}\n", row.run_id, row.epochs, row.where.empty() ? "?" : row.where);
    if (row.status == "interrupted" && !has_group(row))
      text += fmt::format("{}: interrupted, epoch {}\n", row.run_id, row.epochs);
    if (!row.error.empty()) text.append(row.run_id).append(": ").append(row.error).append("\n");
  }
  return text + changed_data_lines(board);
}

std::string to_csv(const Leaderboard& board) {
  const std::vector<std::string> names = column_names(board);
  Line header{"run_id",
              "name",
              "status",
              "epochs",
              "final_test_accuracy",
              "best_test_accuracy",
              "final_test_loss",
              "images_per_second",
              "wall_seconds",
              "model_bits",
              "model_bits_float",
              "macs",
              "bit_operations",
              "engine",
              "error",
              "changed_data",
              "path"};
  header.insert(header.end(), names.begin(), names.end());
  std::string text = joined(header);
  for (const LeaderboardRow& row : board.rows) {
    Line line{row.run_id,
              row.name,
              row.status,
              std::to_string(row.epochs),
              full(row.final_test_accuracy),
              full(row.best_test_accuracy),
              full(row.final_test_loss),
              full(row.images_per_second),
              full(row.wall_seconds),
              std::to_string(row.model_bits),
              std::to_string(row.model_bits_float),
              std::to_string(row.macs),
              std::to_string(row.bit_operations),
              row.engine,
              row.error,
              row.changed_data,
              row.path};
    for (const std::string& name : names) line.push_back(cell(row, name));
    text += joined(line);
  }
  return text;
}

std::string to_json(const Leaderboard& board) {
  Json json{{"runs", Json::array()}, {"problems", board.problems}, {"notes", board.notes}};
  for (const LeaderboardRow& row : board.rows) json["runs"].push_back(row_json(row));
  return json.dump(1, ' ', false, Json::error_handler_t::replace);  // a path may hold bytes that are no UTF-8
}

}  // namespace qrun
