#include "store/leaderboard.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "store/journal.h"

namespace qrun {
namespace {

namespace fs = std::filesystem;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double median_rate(const std::vector<TrainPoint>& points) {
  std::vector<double> rates;
  for (const TrainPoint& point : points) rates.push_back(point.images_per_second);
  if (rates.empty()) return kNone;
  std::ranges::nth_element(rates, rates.begin() + std::ssize(rates) / 2);
  return rates[rates.size() / 2];
}

LeaderboardRow row_of(const std::string& path) {
  const RunRecord r = read_run(path, ReadDepth::kSummary);
  LeaderboardRow row;
  row.path = path;
  row.run_id = r.run_id;
  row.name = r.name;
  row.status = r.status;
  row.engine = r.engine;
  row.error = r.error;
  row.swept = r.swept;
  row.epochs = static_cast<std::int64_t>(r.train.size());
  row.final_test_accuracy = r.final_test_accuracy;
  row.best_test_accuracy = r.best_test_accuracy;
  row.final_test_loss = r.test.empty() ? kNone : r.test.back().loss;
  row.images_per_second = median_rate(r.train);
  row.wall_seconds = r.wall_seconds;
  const nlohmann::json network = nlohmann::json::parse(r.network_json, nullptr, false);
  if (network.is_object()) {
    row.model_bits = network.value("model_bits", std::int64_t{0});
    row.model_bits_float = network.value("model_bits_float", std::int64_t{0});
  }
  return row;
}

/// A run that is training now: only its journal is there.
LeaderboardRow running_row(const std::string& path) {
  LeaderboardRow row;
  row.path = path;
  row.run_id = fs::path(path).stem().string();
  row.name = fs::absolute(path).parent_path().filename().string();
  row.status = "running";
  row.final_test_accuracy = row.best_test_accuracy = row.final_test_loss = row.images_per_second = kNone;
  std::vector<TrainPoint> points;
  for (const JournalLine& line : read_journal(path)) {
    points.push_back(line.train);
    if (!line.test) continue;
    row.final_test_accuracy = line.test->accuracy;
    row.best_test_accuracy = std::fmax(row.best_test_accuracy, line.test->accuracy);
    row.final_test_loss = line.test->loss;
  }
  row.epochs = static_cast<std::int64_t>(points.size());
  row.images_per_second = median_rate(points);
  return row;
}

void collect(const std::string& path, Leaderboard& board) {
  try {
    board.rows.push_back(fs::path(path).extension() == ".jsonl" ? running_row(path) : row_of(path));
  } catch (const Error& error) {
    board.problems.emplace_back(error.what());
  }
}

void collect_folder(const std::string& folder, Leaderboard& board) {
  std::set<std::string> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file()) files.insert(entry.path().string());
  }
  for (const std::string& file : files) {
    const fs::path path(file);
    if (path.filename() == "sweep.h5") continue;  // an index of the others
    if (path.extension() == ".h5" ||
        (path.extension() == ".jsonl" && !files.contains(fs::path(path).replace_extension(".h5").string())))
      collect(file, board);
  }
}

std::vector<std::string> swept_names(const Leaderboard& board) {
  std::vector<std::string> names;
  for (const LeaderboardRow& row : board.rows) {
    for (const auto& [name, value] : row.swept) {
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

std::string swept_value(const LeaderboardRow& row, const std::string& name) {
  const auto at = std::ranges::find(row.swept, name, &std::pair<std::string, std::string>::first);
  return at == row.swept.end() ? "" : at->second;
}

std::string number(const char* format, double value) {
  return std::isnan(value) ? "-" : fmt::format(fmt::runtime(format), value);
}

std::string kibibytes(std::int64_t bits) {
  return bits == 0 ? "-" : fmt::format("{:.1f}", static_cast<double>(bits) / 8192.0);
}

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string result = "\"";
  for (const char c : text) result += c == '"' ? std::string("\"\"") : std::string(1, c);
  return result + "\"";
}

}  // namespace

Leaderboard collect_runs(const std::vector<std::string>& paths) {
  Leaderboard board;
  for (const std::string& path : paths) {
    std::error_code code;
    if (fs::is_directory(path, code)) {
      collect_folder(path, board);
    } else {
      collect(path, board);
    }
  }
  const auto key = [](const LeaderboardRow& row) {
    return std::isnan(row.final_test_accuracy) ? -1.0 : row.final_test_accuracy;
  };
  std::ranges::stable_sort(board.rows,
                           [&](const LeaderboardRow& a, const LeaderboardRow& b) { return key(a) > key(b); });
  return board;
}

std::string to_table(const Leaderboard& board) {
  std::vector<std::vector<std::string>> lines{
      {"run", "status", "epochs", "accuracy", "best", "loss", "images/s", "seconds", "KiB", "float"}};
  for (const LeaderboardRow& row : board.rows) {
    lines.push_back({row.run_id, row.status, std::to_string(row.epochs), number("{:.4f}", row.final_test_accuracy),
                     number("{:.4f}", row.best_test_accuracy), number("{:.4f}", row.final_test_loss),
                     number("{:.0f}", row.images_per_second), number("{:.1f}", row.wall_seconds),
                     kibibytes(row.model_bits), kibibytes(row.model_bits_float)});
  }
  std::vector<std::size_t> widths(lines[0].size());
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      text += i < 2 ? fmt::format("{:<{}}", line[i], widths[i]) : fmt::format("{:>{}}", line[i], widths[i]);
      text += i + 1 < line.size() ? "  " : "\n";
    }
  }
  for (const LeaderboardRow& row : board.rows) {
    if (!row.error.empty()) text += row.run_id + ": " + row.error + "\n";
  }
  return text;
}

std::string to_csv(const Leaderboard& board) {
  const std::vector<std::string> names = swept_names(board);
  std::string text =
      "run_id,name,status,epochs,final_test_accuracy,best_test_accuracy,final_test_loss,images_per_second,wall_seconds,"
      "model_bits,model_bits_float,engine,error,path";
  for (const std::string& name : names) text.append(",").append(quoted(name));
  text += "\n";
  const auto value = [](double v) { return std::isnan(v) ? std::string() : fmt::format("{}", v); };
  for (const LeaderboardRow& row : board.rows) {
    text += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{}", quoted(row.run_id), quoted(row.name), row.status,
                        row.epochs, value(row.final_test_accuracy), value(row.best_test_accuracy),
                        value(row.final_test_loss), value(row.images_per_second), value(row.wall_seconds),
                        row.model_bits, row.model_bits_float, row.engine, quoted(row.error), quoted(row.path));
    for (const std::string& name : names) text.append(",").append(quoted(swept_value(row, name)));
    text += "\n";
  }
  return text;
}

std::string to_json(const Leaderboard& board) {
  nlohmann::ordered_json runs = nlohmann::ordered_json::array();
  const auto value = [](double v) { return std::isnan(v) ? nlohmann::ordered_json() : nlohmann::ordered_json(v); };
  for (const LeaderboardRow& row : board.rows) {
    nlohmann::ordered_json swept = nlohmann::ordered_json::object();
    for (const auto& [name, text] : row.swept) {
      const nlohmann::ordered_json parsed = nlohmann::ordered_json::parse(text, nullptr, false);
      swept[name] = parsed.is_discarded() ? nlohmann::ordered_json(text) : parsed;
    }
    runs.push_back({{"run_id", row.run_id},
                    {"name", row.name},
                    {"status", row.status},
                    {"epochs", row.epochs},
                    {"final_test_accuracy", value(row.final_test_accuracy)},
                    {"best_test_accuracy", value(row.best_test_accuracy)},
                    {"final_test_loss", value(row.final_test_loss)},
                    {"images_per_second", value(row.images_per_second)},
                    {"wall_seconds", value(row.wall_seconds)},
                    {"model_bits", row.model_bits},
                    {"model_bits_float", row.model_bits_float},
                    {"engine", row.engine},
                    {"error", row.error},
                    {"path", row.path},
                    {"params", swept}});
  }
  return nlohmann::ordered_json{{"runs", runs}, {"problems", board.problems}}.dump(1);
}

}  // namespace qrun
