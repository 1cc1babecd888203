#include "store/layout.h"

#include "config/run_spec.h"
#include "core/support.h"

namespace qrun::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kId = "w_bits=2,lr=0.01-0123456789ab";

constexpr FileKind kKinds[] = {FileKind::kRun,   FileKind::kJournal,    FileKind::kConfig,
                               FileKind::kClaim, FileKind::kCheckpoint, FileKind::kPreviousCheckpoint};

TEST(Layout, ParsesWhatItMakes) {
  const Layout layout(fs::path("results") / "bits");
  for (const FileKind kind : kKinds) {
    const std::string name = fs::path(layout.file(kId, kind)).filename().string();
    const std::optional<RunFileName> parsed = parse_file_name(name);
    ASSERT_TRUE(parsed.has_value()) << name;
    EXPECT_EQ(parsed->run_id, kId) << name;
    EXPECT_EQ(parsed->kind, kind) << name;
  }
  for (const std::int64_t epoch : {0, 12, 9999, 10000, 123456}) {
    const std::string name = fs::path(layout.snapshot(kId, epoch)).filename().string();
    const std::optional<RunFileName> parsed = parse_file_name(name);
    ASSERT_TRUE(parsed.has_value()) << name;
    EXPECT_EQ(parsed->run_id, kId) << name;
    EXPECT_EQ(parsed->kind, FileKind::kSnapshot) << name;
    EXPECT_EQ(parsed->epoch, epoch) << name;
  }
}

TEST(Layout, RefusesWhatItDoesNotMake) {
  const std::string id = kId;
  const std::vector<std::string> names = {"",
                                          "sweep.h5",
                                          "notes.txt",
                                          ".h5",
                                          "run.h5",
                                          "run-0123456789a.h5",
                                          "run-0123456789abc.h5",
                                          "run-0123456789aB.h5",
                                          "0123456789ab.h5",
                                          id,
                                          id + ".",
                                          id + ".hdf5",
                                          id + ".h5.bak",
                                          id + ".ckpt.h6",
                                          id + ".ckpt.older.h5",
                                          id + ".epoch-1.h5",
                                          id + ".epoch-00001.h5",
                                          id + ".epoch-.h5",
                                          id + ".epoch--001.h5",
                                          id + ".epoch-0001.jsonl",
                                          id + ".epoch-0001",
                                          "run.epoch-0001.h5",
                                          id + ".h5.tmp.1.2"};
  for (const std::string& name : names) EXPECT_EQ(parse_file_name(name), std::nullopt) << name;
}

TEST(Layout, SaysWhereEachFileLies) {
  const Layout layout(fs::path("r"), "s");
  EXPECT_EQ(layout.folder(), "r/s");
  EXPECT_EQ(layout.file("a", FileKind::kRun), "r/s/a.h5");
  EXPECT_EQ(layout.file("a", FileKind::kJournal), "r/s/a.jsonl");
  EXPECT_EQ(layout.file("a", FileKind::kConfig), "r/s/.qrun/a.yaml");
  EXPECT_EQ(layout.file("a", FileKind::kClaim), "r/s/.qrun/a.claim");
  EXPECT_EQ(layout.file("a", FileKind::kCheckpoint), "r/s/.qrun/a.ckpt.h5");
  EXPECT_EQ(layout.file("a", FileKind::kPreviousCheckpoint), "r/s/.qrun/a.ckpt.previous.h5");
  EXPECT_EQ(layout.snapshot("a", 7), "r/s/snapshots/a.epoch-0007.h5");
  EXPECT_EQ(layout.index(), "r/s/sweep.h5");
  EXPECT_EQ(layout.sweep_config(), "r/s/.qrun/sweep.yaml");
  EXPECT_EQ(layout.batch_script(), "r/s/.qrun/submit.sh");
  EXPECT_EQ(layout.slurm_logs(), "r/s/.qrun/slurm");
  EXPECT_EQ(Layout::around("a.jsonl").file("a", FileKind::kClaim), ".qrun/a.claim") << "in this folder";
  EXPECT_EQ(Layout::around("/a.jsonl").file("a", FileKind::kRun), "/a.h5");
  EXPECT_EQ(Layout("r/").index(), "r/sweep.h5");
}

TEST(Layout, KeepsThePreviousCheckpointBesideTheLatest) {
  const Layout layout("r");
  EXPECT_EQ(previous_checkpoint(layout.file(kId, FileKind::kCheckpoint)),
            layout.file(kId, FileKind::kPreviousCheckpoint));
}

TEST(Layout, RecognisesARunByTheHashOfItsId) {
  EXPECT_EQ(hash_of(kId), "0123456789ab");
  EXPECT_EQ(hash_of("run-1"), "run-1");
  RunSpec spec;
  spec.swept = {{"solver.lr", "0.01"}};
  EXPECT_TRUE(has_hash(spec.id())) << spec.id();
  EXPECT_EQ(hash_of(spec.id()), spec.hash());
}

TEST(Layout, TakesFilesThatUsersHaveRenamed) {
  EXPECT_TRUE(may_be_run_file("x/best.h5"));
  EXPECT_FALSE(may_be_run_file("x/sweep.h5"));
  EXPECT_FALSE(may_be_run_file("x/best.jsonl"));
  EXPECT_TRUE(may_be_journal("x/best.jsonl"));
}

/// The files that users meet are all in the page about them.
TEST(Layout, IsDescribedForUsers) {
  const std::string page = read_bytes(std::string(QRUN_SOURCE_DIR) + "/results/README.md");
  const auto in_page = [&](const std::string& text) { return page.find(text) != std::string::npos; };
  for (const FileKind kind : kKinds) {
    const std::string name = fs::path(Layout("").file("", kind)).filename().string();
    EXPECT_TRUE(in_page("<run_id>" + name + "`") || in_page("`" + name + "`")) << name;
  }
  EXPECT_TRUE(in_page("`sweep.yaml`") && in_page("`.qrun`"));
}

}  // namespace
}  // namespace qrun::test
