// The leaderboard for programs: CSV and JSON.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "report/leaderboard.h"
#include "report/leaderboard_columns.h"

namespace qrun {
namespace {

using Json = nlohmann::ordered_json;

/// A field of CSV as RFC 4180 has it.
std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string result = "\"";
  for (const char c : text) result += c == '"' ? std::string("\"\"") : std::string(1, c);
  return result + "\"";
}

std::string joined(const std::vector<std::string>& fields) {
  std::vector<std::string> line;
  for (const std::string& field : fields) line.push_back(quoted(field));
  return fmt::format("{}\n", fmt::join(line, ","));
}

/// All digits of a number; empty for none.
std::string field_of(const Cell& cell) {
  const double* number = std::get_if<double>(&cell);
  if (number != nullptr && std::isnan(*number)) return "";
  return std::visit([](const auto& value) { return fmt::format("{}", value); }, cell);
}

Json json_of(const Cell& cell) {
  const double* number = std::get_if<double>(&cell);
  if (number != nullptr && !std::isfinite(*number)) return {};
  return std::visit([](const auto& value) { return Json(value); }, cell);
}

Json row_json(const LeaderboardRow& row) {
  Json json;
  for (const RunColumn& column : kRunColumns) json[column.key] = json_of(column.cell(row));
  for (const TopAccuracy& top : row.top) json[final_top_name(top.k)] = json_of(top.final_test);
  Json params = Json::object();
  for (const auto& [name, text] : row.columns) {
    const Json parsed = Json::parse(text, nullptr, false);
    params[name] = parsed.is_discarded() ? Json(text) : parsed;
  }
  json["params"] = params;
  return json;
}

}  // namespace

std::string to_csv(const Leaderboard& board) {
  const std::vector<std::string> addresses = addresses_of(board);
  std::vector<std::string> header;
  for (const RunColumn& column : kRunColumns) {
    if (column.in_csv) header.emplace_back(column.key);
  }
  const std::vector<std::int64_t> ks = top_ks_of(board);
  for (const std::int64_t k : ks) header.push_back(final_top_name(k));
  header.insert(header.end(), addresses.begin(), addresses.end());
  std::string text = joined(header);
  for (const LeaderboardRow& row : board.rows) {
    std::vector<std::string> line;
    for (const RunColumn& column : kRunColumns) {
      if (column.in_csv) line.push_back(field_of(column.cell(row)));
    }
    for (const std::int64_t k : ks) line.push_back(field_of(final_top(row, k)));
    for (const std::string& address : addresses) line.push_back(value_at(row, address));
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
