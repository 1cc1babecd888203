#include "report/leaderboard_columns.h"

#include <nlohmann/json.hpp>
#include <set>

#include "store/support.h"

namespace qrun::test {
namespace {

Leaderboard board_of_one() {
  Leaderboard board;
  LeaderboardRow row{sample_record()};
  row.path = "a.h5";
  row.where = "host process 1";
  row.columns = {{"solver.lr", "0.5"}};
  board.rows.push_back(row);
  return board;
}

std::vector<std::string> keys(bool in_csv_only) {
  std::vector<std::string> keys;
  for (const RunColumn& column : kRunColumns) {
    if (column.in_csv || !in_csv_only) keys.emplace_back(column.key);
  }
  return keys;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

TEST(LeaderboardColumns, AreTheKeysOfJsonAndTheHeaderOfCsv) {
  std::vector<std::string> in_json;
  const auto json = nlohmann::ordered_json::parse(to_json(board_of_one()));
  for (const auto& item : json.at("runs").at(0).items()) in_json.push_back(item.key());
  std::vector<std::string> wanted = keys(false);
  wanted.emplace_back("params");
  EXPECT_EQ(in_json, wanted);

  std::string header;
  for (const std::string& key : keys(true)) header += key + ",";
  EXPECT_EQ(first_line(to_csv(board_of_one())), header + "solver.lr");
}

TEST(LeaderboardColumns, HaveNamesOfTheirOwn) {
  std::set<std::string> names;
  for (const std::string& key : keys(false)) EXPECT_TRUE(names.insert(key).second) << key;
}

TEST(LeaderboardColumns, OfTheTableSayHowTheyAreShown) {
  for (const RunColumn& column : kRunColumns) EXPECT_EQ(column.title == nullptr, column.shown == nullptr) << column.key;
}

TEST(LeaderboardColumns, ShowCellsInWords) {
  const LeaderboardRow run = board_of_one().rows[0];
  const auto shown = [&](const std::string& key) {
    for (const RunColumn& column : kRunColumns) {
      if (column.key == key) return column.shown(column.cell(run));
    }
    return std::string("no such column");
  };
  EXPECT_EQ(shown("status"), "complete");
  EXPECT_EQ(shown("epochs"), "3");
  EXPECT_EQ(shown("final_test_accuracy"), "0.5000");
  EXPECT_EQ(shown("images_per_second"), "1001");
  EXPECT_EQ(shown("model_bits"), "0.1");
  EXPECT_EQ(fixed<2>(std::nan("")), "-");
  EXPECT_EQ(kibibytes(0), "-");
}

}  // namespace
}  // namespace qrun::test
