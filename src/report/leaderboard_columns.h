// The columns of leaderboards: a row here is all that a column is. The table of runs, CSV and JSON follow the first
// list, the table of groups the second.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "report/leaderboard.h"
#include "store/network_json.h"

namespace qrun {

using Cell = std::variant<std::string, std::int64_t, double>;

template <int digits>
[[nodiscard]] std::string fixed(double value) {
  return std::isnan(value) ? "-" : fmt::format("{:.{}f}", value, digits);
}
[[nodiscard]] inline std::string kibibytes(std::int64_t bits) {
  return bits == 0 ? "-" : fmt::format("{:.1f}", static_cast<double>(bits) / 8192.0);
}

// How a table shows a cell.
[[nodiscard]] inline std::string as_text(const Cell& cell) { return std::get<std::string>(cell); }
[[nodiscard]] inline std::string as_count(const Cell& cell) { return std::to_string(std::get<std::int64_t>(cell)); }
[[nodiscard]] inline std::string as_kibibytes(const Cell& cell) { return kibibytes(std::get<std::int64_t>(cell)); }
template <int digits>
[[nodiscard]] std::string as_fixed(const Cell& cell) {
  return fixed<digits>(std::get<double>(cell));
}

/// A column of a run.
struct RunColumn {
  const char* key = nullptr;  // in CSV and JSON
  Cell (*cell)(const LeaderboardRow& run) = nullptr;
  const char* title = nullptr;  // in the table of runs; nullptr: not a column of it
  std::string (*shown)(const Cell& cell) = nullptr;
  bool in_csv = true;
};

template <auto member>
[[nodiscard]] Cell cell_of(const LeaderboardRow& run) {
  return run.*member;
}

inline constexpr RunColumn kRunColumns[] = {
    {"run_id", cell_of<&LeaderboardRow::run_id>, "run", as_text},
    {"name", cell_of<&LeaderboardRow::name>},
    {"status", [](const LeaderboardRow& run) -> Cell { return name_of(run.status); }, "status", as_text},
    {"epochs", [](const LeaderboardRow& run) -> Cell { return std::ssize(run.train); }, "epochs", as_count},
    {"final_test_accuracy", cell_of<&LeaderboardRow::final_test_accuracy>, "accuracy", as_fixed<4>},
    {"best_test_accuracy", cell_of<&LeaderboardRow::best_test_accuracy>, "best", as_fixed<4>},
    {"final_test_loss", cell_of<&LeaderboardRow::final_test_loss>, "loss", as_fixed<4>},
    {"images_per_second", [](const LeaderboardRow& run) -> Cell { return images_per_second(run); }, "images/s",
     as_fixed<0>},
    {"wall_seconds", cell_of<&LeaderboardRow::wall_seconds>, "seconds", as_fixed<0>},
    {"model_bits", [](const LeaderboardRow& run) -> Cell { return network_total(run.network_json, "model_bits"); },
     "KiB", as_kibibytes},
    {"model_bits_float",
     [](const LeaderboardRow& run) -> Cell { return network_total(run.network_json, "model_bits_float"); }},
    {"macs", [](const LeaderboardRow& run) -> Cell { return network_total(run.network_json, "macs"); }},
    {"bit_operations",
     [](const LeaderboardRow& run) -> Cell { return network_total(run.network_json, "bit_operations"); }},
    {"engine", cell_of<&LeaderboardRow::engine>},
    {"error", cell_of<&LeaderboardRow::error>},
    {"changed_data", cell_of<&LeaderboardRow::changed_data>},
    {.key = "where", .cell = cell_of<&LeaderboardRow::where>, .in_csv = false},
    {"path", cell_of<&LeaderboardRow::path>},
};

/// A column of a group of runs.
struct GroupColumn {
  const char* title;
  std::string (*shown)(const LeaderboardGroup& group);
};

[[nodiscard]] inline double total_of(const LeaderboardGroup& group, const char* key) {
  return static_cast<double>(network_total(group.example.network_json, key));
}

inline constexpr GroupColumn kGroupColumns[] = {
    {"runs",
     [](const LeaderboardGroup& group) {
       return group.complete == group.runs ? std::to_string(group.runs)
                                           : fmt::format("{}/{}", group.complete, group.runs);
     }},
    {"accuracy", [](const LeaderboardGroup& group) { return fixed<4>(group.accuracy); }},
    {"+-95%", [](const LeaderboardGroup& group) { return fixed<4>(group.half_width); }},
    {"", [](const LeaderboardGroup& group) { return std::string(group.overlaps_next ? "~" : ""); }},
    {"loss", [](const LeaderboardGroup& group) { return fixed<4>(group.loss); }},
    {"KiB",
     [](const LeaderboardGroup& group) { return kibibytes(network_total(group.example.network_json, "model_bits")); }},
    {"MMAC", [](const LeaderboardGroup& group) { return fixed<2>(total_of(group, "macs") * 1e-6); }},
    {"GBOP", [](const LeaderboardGroup& group) { return fixed<3>(total_of(group, "bit_operations") * 1e-9); }},
    {"seconds", [](const LeaderboardGroup& group) { return fixed<0>(group.wall_seconds); }},
};

/// The addresses of the values that tell the runs of a leaderboard apart, in order of appearance.
[[nodiscard]] std::vector<std::string> addresses_of(const Leaderboard& board);

/// Each k of which a run of the leaderboard has an accuracy, in order; 1 is a column of its own.
[[nodiscard]] std::vector<std::int64_t> top_ks_of(const Leaderboard& board);

/// Of the final test; NaN where the run has none.
[[nodiscard]] double final_top(const LeaderboardRow& run, std::int64_t k);

/// A run's value at an address as YAML text, or "".
[[nodiscard]] std::string value_at(const LeaderboardRow& run, const std::string& address);

}  // namespace qrun
