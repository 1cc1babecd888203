// A run counts once, however often its file was copied.
#include "store/count_once.h"

#include "report/leaderboard.h"
#include "store/h5.h"
#include "store/sweep_file.h"
#include "support.h"

namespace qrun::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr const char* kId = "lr=0.1-0123456789ab";

class CountOnceTest : public FolderTest {
 protected:
  void write(const std::string& file, const std::string& finished = "2026-01-02T03:05:06Z", const std::string& id = kId,
             RunStatus status = RunStatus::kComplete) const {
    RunRecord record = sample_record();
    record.run_id = id;
    record.finished = finished;
    record.status = status;
    std::filesystem::create_directories(std::filesystem::path(path(file)).parent_path());
    write_run(path(file), record);
  }
  [[nodiscard]] std::string own() const { return path(std::string(kId) + ".h5"); }
};

TEST_F(CountOnceTest, OfCopiesTheOneWithTheRunsNameCounts) {
  write(std::string(kId) + ".h5");
  write("a-copy.h5");
  write("backup/" + std::string(kId) + ".h5");
  const Leaderboard board = collect_runs({path(""), path("backup")});
  ASSERT_EQ(board.rows.size(), 1U);
  EXPECT_EQ(board.rows[0].path, own());
  EXPECT_THAT(board.notes, UnorderedElementsAre(path("a-copy.h5") + ": a copy of " + own() + "; the run counts once",
                                                HasSubstr("backup/" + std::string(kId) + ".h5: a copy of")));
}

TEST_F(CountOnceTest, TheCopyOfAFolderIsOneLine) {
  for (const char* id : {"a-000000000001", "a-000000000002", "a-000000000003"}) {
    for (const char* folder : {"ours/", "backup/"}) write(std::string(folder) + id + ".h5", "2026", id);
  }
  const Leaderboard board = collect_runs({path("ours"), path("backup")});
  EXPECT_EQ(board.rows.size(), 3U);
  EXPECT_THAT(board.notes, ElementsAre(path("backup") + ": 3 files are copies of those in " + path("ours") +
                                       "; each run counts once"));
}

TEST_F(CountOnceTest, OfOtherContentsTheOneThatFinishedLastCounts) {
  write(std::string(kId) + ".h5", "2026-01-02T00:00:00Z");
  write("later-0123456789ab.h5", "2026-01-03T00:00:00Z");
  const Leaderboard board = collect_runs({path("")});
  ASSERT_EQ(board.rows.size(), 1U);
  EXPECT_EQ(board.rows[0].path, path("later-0123456789ab.h5"));
  EXPECT_THAT(board.notes, ElementsAre(own() + ": left out, for " + path("later-0123456789ab.h5") +
                                       " is the same run and finished last"));
}

TEST_F(CountOnceTest, AFolderThatWasTrainedAgainIsOneLine) {
  for (const char* id : {"a-000000000001", "a-000000000002"}) {
    write(std::string("old/") + id + ".h5", "2025", id);
    write(std::string("new/") + id + ".h5", "2026", id);
  }
  EXPECT_THAT(collect_runs({path("old"), path("new")}).notes,
              ElementsAre(path("old") + ": 2 files are left out, for those in " + path("new") +
                          " are the same runs and finished last"));
}

TEST_F(CountOnceTest, ACompleteRunCountsBeforeAnInterruptedOne) {
  write(std::string(kId) + ".h5", "2026-01-02T00:00:00Z");
  write("backup/" + std::string(kId) + ".h5", "2026-01-03T00:00:00Z", kId, RunStatus::kInterrupted);
  EXPECT_EQ(collect_runs({path("backup"), path("")}).rows.at(0).path, own());
}

TEST_F(CountOnceTest, TheReadablePartOfAnIdDoesNotMatter) {
  write("run-0123456789ab.h5", "2026", "run-0123456789ab");
  write(std::string(kId) + ".h5", "2026");
  EXPECT_EQ(collect_runs({path("")}).rows.size(), 1U);
}

TEST_F(CountOnceTest, AFileNamedTwiceIsNotWorthALine) {
  write(std::string(kId) + ".h5");
  EXPECT_THAT(collect_runs({own(), own(), path("")}).notes, IsEmpty());
}

TEST_F(CountOnceTest, TheIndexOfASweepHasItOnce) {
  write(std::string(kId) + ".h5");
  write("a-copy.h5");
  SweepFile sweep(path(""));
  const LeftOut left_out = sweep.update();
  EXPECT_THAT(left_out.problems, IsEmpty());
  EXPECT_THAT(left_out.notes, ElementsAre(HasSubstr("a-copy.h5: a copy of")));
  const h5::File file = h5::File::open(sweep.path());
  EXPECT_EQ(file.root().open("summary").read<double>("wall_seconds").size(), 1U);
}

TEST_F(CountOnceTest, AnIdThatNoLinkCanHaveCostsItsLinkAlone) {
  write("a.h5", "2026", "a/b-0123456789ab");
  write("b.h5", "2026", "b-0123456789ac");
  SweepFile sweep(path(""));
  EXPECT_THAT(sweep.update().problems, ElementsAre(HasSubstr("a.h5: its run_id")));
}

TEST_F(CountOnceTest, FilesOfOthersArePassedOverInFolders) {
  write(std::string(kId) + ".h5");
  write_bytes(path("plot.png"), "");
  write_bytes(path("log.jsonl"), "{}\n");
  write_bytes(path("notes.h5"), "no HDF5 at all");
  h5::File other = h5::File::create(path("other.h5"));
  other.root().attribute("made_by", "somebody");
  const std::vector<std::byte> bytes = std::move(other).image();
  write_bytes(path("other.h5"), std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  std::filesystem::create_directory(path("folder-0123456789ac.h5"));
  const Leaderboard board = collect_runs({path("")});
  EXPECT_EQ(board.rows.size(), 1U);
  EXPECT_THAT(board.problems, IsEmpty());
  EXPECT_THAT(SweepFile(path("")).update().problems, IsEmpty());
  EXPECT_THAT(collect_runs({path("other.h5")}).problems, ElementsAre(HasSubstr("not a run of qrun"))) << "asked for";
}

}  // namespace
}  // namespace qrun::test
