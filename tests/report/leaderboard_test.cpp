#include "report/leaderboard.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "store/claim_file.h"
#include "store/journal.h"
#include "store/support.h"

namespace qrun::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class LeaderboardTest : public FolderTest {
 protected:
  void write(const std::string& name, double accuracy, const std::string& bits) const {
    RunRecord record = sample_record();
    record.run_id = name;
    record.final_test_accuracy = accuracy;
    record.swept = {{"vars.w_bits", bits}};
    write_run(path(name + ".h5"), record);
  }
  void write_failed(const std::string& name, const std::string& error) const {
    RunRecord record;
    record.run_id = name;
    record.config = sample_record().config;
    record.engine = sample_record().engine;
    record.status = "failed";
    record.error = error;
    write_run(path(name + ".h5"), record);
  }
  [[nodiscard]] Leaderboard collected() const { return collect_runs({path("")}); }
};

std::vector<std::string> ids(const Leaderboard& board) {
  std::vector<std::string> result;
  for (const LeaderboardRow& row : board.rows) result.push_back(row.run_id);
  return result;
}

TEST_F(LeaderboardTest, PutsTheBestFirstAndRunsWithoutTestLast) {
  write("a", 0.5, "1");
  write_failed("b", "diverged");
  write("c", 0.9, "2");
  write("d", 0.7, "4");
  EXPECT_THAT(ids(collected()), ElementsAre("c", "d", "a", "b"));
}

TEST_F(LeaderboardTest, NamesRunsWhoseDataHasChanged) {
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g"}) write(name, 0.5, "2");
  Leaderboard board = collected();
  EXPECT_EQ(changed_data_lines(board), "");
  EXPECT_THAT(to_csv(board), HasSubstr(",error,changed_data,path,"));
  board.rows[2].changed_data = "d held 1 items, and holds 2 items";
  EXPECT_THAT(to_table(board), HasSubstr("\nc: other data now: d held 1 items, and holds 2 items\n"));
  EXPECT_THAT(to_csv(board), HasSubstr(",\"d held 1 items, and holds 2 items\","));
  const nlohmann::json json = nlohmann::json::parse(to_json(board));
  EXPECT_EQ(json["runs"][2]["changed_data"], "d held 1 items, and holds 2 items");
  EXPECT_EQ(json["runs"][1]["changed_data"], "");
  for (LeaderboardRow& row : board.rows) row.changed_data = "d";
  EXPECT_EQ(changed_data_lines(board), "a, b, c, d, e and 2 more: other data now: d\n");
}

TEST_F(LeaderboardTest, TakesItsNumbersFromTheFile) {
  write("a", 0.5, "2");
  const LeaderboardRow row = collected().rows.at(0);
  EXPECT_EQ(row.name, "sample");
  EXPECT_EQ(row.status, "complete");
  EXPECT_EQ(row.engine, "cpu");
  EXPECT_EQ(row.epochs, 3);
  EXPECT_EQ(row.final_test_accuracy, 0.5);
  EXPECT_EQ(row.best_test_accuracy, 0.75);
  EXPECT_EQ(row.final_test_loss, sample_record().final_test_loss);
  EXPECT_EQ(row.images_per_second, 1001) << "the median";
  EXPECT_EQ(row.wall_seconds, 61.5);
  EXPECT_EQ(row.model_bits, 1024);
  EXPECT_EQ(row.model_bits_float, 16384);
  EXPECT_THAT(row.columns, ElementsAre(testing::Pair("vars.w_bits", "2")));
}

TEST_F(LeaderboardTest, NamesDamagedFilesAndReadsTheRest) {
  write("a", 0.5, "2");
  write("b", 0.6, "2");
  write_bytes(path("a.h5"), read_bytes(path("a.h5")).substr(0, 5000));
  write_bytes(path("empty-000000000000.h5"), "");
  write_bytes(path("notes.txt"), "not looked at");
  const Leaderboard board = collected();
  EXPECT_THAT(ids(board), ElementsAre("b"));
  EXPECT_THAT(board.problems,
              ElementsAre(HasSubstr("a.h5: damaged"), HasSubstr("empty-000000000000.h5: not an HDF5 file")));
}

TEST_F(LeaderboardTest, NamesAMissingFile) {
  EXPECT_THAT(collect_runs({path("none.h5")}).problems, ElementsAre(path("none.h5") + ": no such file"));
}

TEST_F(LeaderboardTest, TakesSingleFiles) {
  write("a", 0.5, "2");
  write("b", 0.6, "2");
  EXPECT_THAT(ids(collect_runs({path("a.h5")})), ElementsAre("a"));
  EXPECT_THAT(ids(collect_runs({path("a.h5"), path("a.h5"), path("./b.h5"), path("")})), ElementsAre("b", "a"))
      << "named twice, it is one run";
}

TEST_F(LeaderboardTest, NamesTheFoldersWhereRunsAreOneFurtherDown) {
  std::filesystem::create_directory(path("lenet"));
  write_bytes(path("README.md"), "as in the folder that the repository comes with");
  EXPECT_THAT(collected().problems, ElementsAre(path("") + ": holds no runs; name one of its folders: lenet"));
}

TEST_F(LeaderboardTest, ShowsARunThatTrainsNow) {
  const TestPoint test{.epoch = 0, .iteration = 10, .loss = 0.3, .accuracy = 0.8};
  append_journal(path("w_bits=1-000000000000.jsonl"), {{.epoch = 0, .iteration = 10, .images_per_second = 100}, test});
  append_journal(path("w_bits=1-000000000000.jsonl"), {{.epoch = 1, .iteration = 20, .images_per_second = 300}, {}});
  write("a", 0.5, "2");
  append_journal(path("a.jsonl"), {{.epoch = 0, .iteration = 10}, test});
  const Leaderboard board = collected();
  ASSERT_THAT(ids(board), ElementsAre("w_bits=1-000000000000", "a")) << "a has its file already";
  EXPECT_EQ(board.rows[0].status, "running");
  EXPECT_EQ(board.rows[0].epochs, 2);
  EXPECT_EQ(board.rows[0].final_test_accuracy, 0.8);
  EXPECT_EQ(board.rows[0].final_test_loss, 0.3);
}

TEST_F(LeaderboardTest, KnowsWhetherARunStillTrains) {
  write("a-00000000000a", 0.5, "2");
  append_journal(path("a-00000000000a.jsonl"), {{.epoch = 0, .iteration = 10}, TestPoint{.accuracy = 0.8}});
  append_journal(path("b-00000000000b.jsonl"), {{.epoch = 0, .iteration = 10}, TestPoint{.accuracy = 0.8}});
  std::filesystem::create_directory(path(".qrun"));
  Owner owner{.host = "here", .place = this_place(), .pid = getpid(), .started = start_of(getpid())};
  for (const char* run : {"a-00000000000a", "b-00000000000b"})
    write_bytes(path(std::string(".qrun/") + run + ".claim"), claim_text(owner));
  for (const LeaderboardRow& row : collected().rows) EXPECT_EQ(row.status, "running") << row.run_id;
  owner.started += 1;  // the process has ended, another one has its number
  for (const char* run : {"a-00000000000a", "b-00000000000b"})
    write_bytes(path(std::string(".qrun/") + run + ".claim"), claim_text(owner));
  const Leaderboard board = collected();
  ASSERT_THAT(ids(board), ElementsAre("a-00000000000a", "b-00000000000b"));
  EXPECT_EQ(board.rows[0].status, "complete") << "as its file says";
  EXPECT_EQ(board.rows[1].status, "interrupted");
  EXPECT_TRUE(std::isnan(board.rows[1].final_test_accuracy) && board.rows[1].where.empty());
}

TEST_F(LeaderboardTest, ARunThatWentOnAndWasKilledIsAsFarAsItsJournal) {
  RunRecord record = sample_record();
  record.run_id = "a-00000000000a";
  record.status = "interrupted";
  record.train.resize(1);
  record.test.resize(1);
  write_run(path("a-00000000000a.h5"), record);
  std::filesystem::create_directory(path(".qrun"));
  const Owner dead{.host = "here", .place = this_place(), .pid = getpid(), .started = start_of(getpid()) + 1};
  write_bytes(path(".qrun/a-00000000000a.claim"), claim_text(dead));
  const TestPoint test{.accuracy = 0.75};
  append_journal(path("a-00000000000a.jsonl"), {{.epoch = 0, .iteration = 10}, TestPoint{.accuracy = 0.25}});
  ASSERT_EQ(collected().rows.size(), 1);
  EXPECT_EQ(collected().rows[0].path, path("a-00000000000a.h5")) << "it says more where it is as far";
  append_journal(path("a-00000000000a.jsonl"), {{.epoch = 1, .iteration = 20}, test});
  const Leaderboard board = collected();
  ASSERT_EQ(board.rows.size(), 1);
  EXPECT_EQ(board.rows[0].status, "interrupted");
  EXPECT_EQ(board.rows[0].epochs, 2);
  EXPECT_EQ(board.rows[0].best_test_accuracy, 0.75);
  record.status = "failed";
  write_run(path("a-00000000000a.h5"), record);
  EXPECT_EQ(collected().rows[0].status, "failed") << "a run that has ended is not gone on with";
}

TEST_F(LeaderboardTest, PassesOverTheIndexOfASweep) {
  write_bytes(path("sweep.h5"), "");
  EXPECT_TRUE(collected().rows.empty() && collected().problems.empty());
  const Leaderboard named = collect_runs({path("sweep.h5")});
  EXPECT_TRUE(named.rows.empty() && named.problems.empty()) << "as a shell lists *.h5";
}

TEST_F(LeaderboardTest, AlignsItsTable) {
  RunRecord record = sample_record();
  record.run_id = "a";
  record.final_test_accuracy = 0.5;
  record.swept.clear();
  write_run(path("a.h5"), record);
  write_failed("bbbb", "diverged at iteration 3");
  EXPECT_EQ(to_table(collected()),
            "run   status    epochs  accuracy    best    loss  images/s  seconds  KiB\n"
            "a     complete       3    0.5000  0.7500  0.5000      1001       62  0.1\n"
            "bbbb  failed         0         -       -       -         -        0    -\n"
            "bbbb: diverged at iteration 3\n");
}

TEST_F(LeaderboardTest, ComparesWhatASweepVariedOverItsSeeds) {
  const auto write_seed = [&](const std::string& bits, const std::string& seed, double accuracy) {
    RunRecord record = sample_record();
    record.run_id = "w_bits=" + bits + ",seed=" + seed;
    record.final_test_accuracy = accuracy;
    record.swept = {{"vars.w_bits", bits}, {"seed", seed}};
    write_run(path(record.run_id + ".h5"), record);
  };
  write_seed("1", "1", 0.90);
  write_seed("1", "2", 0.92);
  write_seed("2", "1", 0.91);
  write_seed("2", "2", 0.93);
  write_seed("4", "1", 0.50);
  const std::vector<LeaderboardGroup> groups = group_by_seed(collected());
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_THAT(groups[0].columns, ElementsAre(testing::Pair("vars.w_bits", "2")));
  EXPECT_DOUBLE_EQ(groups[0].accuracy, 0.92);
  EXPECT_NEAR(groups[0].half_width, 12.706 * 0.01, 1e-6) << "t of one degree times deviation over root of n";
  EXPECT_TRUE(groups[0].overlaps_next);
  EXPECT_FALSE(groups[1].overlaps_next) << "one run has no interval";
  EXPECT_TRUE(std::isnan(groups[2].half_width));
  EXPECT_EQ(to_table(collected()),
            "w_bits  runs  accuracy   +-95%       loss  KiB  MMAC   GBOP  seconds\n"
            "2          2    0.9200  0.1271  ~  0.5000  0.1  0.00  0.000       62\n"
            "1          2    0.9100  0.1271     0.5000  0.1  0.00  0.000       62\n"
            "4          1    0.5000       -     0.5000  0.1  0.00  0.000       62\n"
            "~ not distinguishable from the line below: their 95 % intervals over seeds overlap\n");
}

// What a run is called is not what it is: a folder renamed between two calls holds both names.
TEST_F(LeaderboardTest, AveragesSeedsOverTheirNames) {
  for (const std::string seed : {"1", "2", "3"}) {
    RunRecord record = sample_record();
    record.run_id = "seed=" + seed;
    record.name = seed == "1" ? "before" : "after";
    record.final_test_accuracy = seed == "1" ? 0.9 : 0.6;
    record.swept = {{"seed", seed}};
    write_run(path(record.run_id + ".h5"), record);
  }
  const std::vector<LeaderboardGroup> groups = group_by_seed(collected());
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].complete, 3);
  EXPECT_NEAR(groups[0].accuracy, 0.7, 1e-12);
}

TEST_F(LeaderboardTest, HasTheMeanOverSeedsWhereNothingElseIsSwept) {
  const auto write_seed = [&](const std::string& seed, double accuracy) {
    RunRecord record = sample_record();
    record.run_id = "seed=" + seed;
    record.final_test_accuracy = accuracy;
    record.swept.clear();
    if (seed != "none") record.swept = {{"seed", seed}};
    write_run(path(record.run_id + ".h5"), record);
  };
  write_seed("1", 0.90);
  write_seed("none", 0.10);
  EXPECT_THAT(to_table(collected()), testing::Not(HasSubstr("mean")));
  write_seed("2", 0.92);
  EXPECT_THAT(to_table(collected()), HasSubstr("seed=2     complete       3    0.9200"));
  EXPECT_THAT(to_table(collected()),
              HasSubstr("\nsample: mean accuracy 0.9100 +- 0.1271, the 95 % interval over 2 seeds\n"));
}

TEST(Interval, HasTheQuantilesOfStudentsT) {
  EXPECT_TRUE(std::isnan(interval_half_width(1.0, 1)));
  EXPECT_NEAR(interval_half_width(4.0, 5), 2.776 * std::sqrt(1.0 / 5), 1e-12);
  EXPECT_NEAR(interval_half_width(40.0, 41), 2.0211 * std::sqrt(1.0 / 41), 1e-4);
}

TEST_F(LeaderboardTest, QuotesItsCsv) {
  write("a", 0.5, "{a: 1, b: 2}");
  write_failed("b", "said \"no\"");
  const std::string csv = to_csv(collected());
  EXPECT_THAT(csv, StartsWith("run_id,name,status,epochs,final_test_accuracy,"));
  EXPECT_THAT(csv, HasSubstr("path,vars.w_bits\n"));
  EXPECT_THAT(csv, HasSubstr("\na,sample,complete,3,0.5,0.75,"));
  EXPECT_THAT(csv, HasSubstr(",\"{a: 1, b: 2}\"\n"));
  EXPECT_THAT(csv, HasSubstr("\nb,,failed,0,,,,,0,0,0,0,0,cpu,\"said \"\"no\"\"\","));
}

TEST_F(LeaderboardTest, GivesJsonWithTypes) {
  write("a", 0.5, "2");
  write_failed("b", "bytes that are no UTF-8: \xff");
  write_bytes(path("c-000000000000.h5"), "");
  const nlohmann::json json = nlohmann::json::parse(to_json(collected()));
  EXPECT_EQ(json.at("runs").size(), 2);
  EXPECT_EQ(json["runs"][0].at("final_test_accuracy"), 0.5);
  EXPECT_EQ(json["runs"][0].at("params").at("vars.w_bits"), 2);
  EXPECT_TRUE(json["runs"][1].at("final_test_accuracy").is_null());
  EXPECT_EQ(json["runs"][1].at("status"), "failed");
  EXPECT_EQ(json.at("problems").size(), 1);
}

TEST_F(LeaderboardTest, CanBeEmpty) {
  EXPECT_EQ(nlohmann::json::parse(to_json(collected())).at("runs").size(), 0);
  EXPECT_THAT(to_table(collected()), StartsWith("run  status"));
}

}  // namespace
}  // namespace qrun::test
