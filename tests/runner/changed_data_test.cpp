// Data that changes between two calls on one folder: noticed before anything is trained, whatever it is that changed.
#include "runner/changed_data.h"

#include "core/atomic_file.h"
#include "data/import/import.h"
#include "data/mean_image.h"
#include "runner/evaluate.h"
#include "runner/present_data.h"
#include "runner/support.h"
#include "runner/sweep_training.h"
#include "store/h5.h"

namespace qrun {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ChangedDataTest : public TrainPack {
 protected:
  ChangedDataTest() { make_data(1); }

  /// The databases, of other digits for each seed.
  void make_data(std::uint64_t seed, std::int64_t train = 200) const {
    import_synthetic_digits(folder_, train, 90, seed);
  }
  /// One of them from another place, where those of that seed are.
  void replace(const std::string& name, std::uint64_t seed) const {
    import_synthetic_digits(folder_ + "/other", 200, 90, seed);
    fs::remove_all(folder_ + "/" + name);
    fs::copy(folder_ + "/other/" + name, folder_ + "/" + name);
  }
  [[nodiscard]] RunSpec spec(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all = {"data.train={lmdb: " + folder_ + "/train_lmdb, batch_size: 20}",
                                    "data.test={lmdb: " + folder_ + "/test_lmdb, batch_size: 40}"};
    all.insert(all.end(), more.begin(), more.end());
    return TrainPack::spec(all);
  }
  [[nodiscard]] std::vector<RunSpec> seeds(int n) const {
    std::vector<RunSpec> runs;
    for (int seed = 1; seed <= n; ++seed) runs.push_back(spec({"seed=" + std::to_string(seed)}));
    return runs;
  }

  [[nodiscard]] SweepPlan planned(const std::vector<RunSpec>& runs, const SweepOptions& options = {}) const {
    return {runs, options, folder_ + "/test"};
  }
  std::vector<Standing> sweep(SweepPlan plan) {
    const ResultsFolder folder(folder_, "test");
    Progress progress(ProgressStyle::kSilent);
    const std::atomic<bool> stop{false};
    const SweepTools tools{[this](const EngineWish& wish) {
                             before_training_();
                             return make_cpu_engine(wish.threads, wish.instruction_set);
                           },
                           {},
                           progress,
                           stop};
    SweepTraining training(plan, folder, tools);
    training.run();
    return training.standings();
  }
  RunRecord swept(const RunSpec& run, const SweepOptions& options = {}) {
    const std::vector<RunSpec> runs = {run};  // a plan points to them
    return read_run(sweep(planned(runs, options)).at(0).path, ReadDepth::kAll);
  }
  std::string swept_file(const RunSpec& run) {
    const std::vector<RunSpec> runs = {run};
    return sweep(planned(runs)).at(0).path;
  }
  /// Leaves the run with a checkpoint.
  void interrupt(const RunSpec& run) {
    std::atomic<bool> stop{false};
    train({{run, {}}}, stop, [&stop](const RunSpec&) { return stop = true; });
  }
  /// What the next call says instead of training; "" where it has nothing to say.
  [[nodiscard]] std::string refusal(const std::vector<RunSpec>& runs) const {
    try {
      static_cast<void>(planned(runs));
      return "";
    } catch (const ConfigError& error) {
      return error.what();
    }
  }
  [[nodiscard]] std::string mark(const std::string& file) const {
    Leaderboard board = collect_runs({file});
    PresentData().mark(board);
    return board.rows.at(0).changed_data;
  }
  /// As a program wrote it that did not record data yet.
  static void forget_data(const std::string& file) {
    h5::File copy = h5::File::copy(file);
    H5Ldelete(copy.root().id(), "data", H5P_DEFAULT);
    write_atomically(file, std::move(copy).image());
  }

  std::function<void()> before_training_ = [] {};
};

TEST_F(ChangedDataTest, ARunRecordsItsData) {
  const RunSpec run = spec();
  const DataRecord data = swept(run).data.value();
  EXPECT_EQ(data, record_of(run.data, open_data(run.data)));
  EXPECT_EQ(data.train.contents.items, 200);
  EXPECT_EQ(data.test.contents.items, 90);
  EXPECT_EQ(data.test.path, folder_ + "/test_lmdb");
  EXPECT_EQ(data.test.batch_size, 40);
  EXPECT_EQ(data.init_from_hash, "");
}

TEST_F(ChangedDataTest, ARunRecordsItsMeanImageAndNoticesAnother) {
  write_mean_image(folder_ + "/mean", mean_image_of(*open_data(spec().data).train));
  const std::string mean = "data.mean={file: " + folder_ + "/mean}";
  const std::vector<RunSpec> runs = {spec({mean}), spec({mean, "seed=7"})};
  const std::string file = sweep(planned(runs)).at(0).path;
  const std::string was = hash_of(read_mean_image(folder_ + "/mean"));
  EXPECT_EQ(read_run(file, ReadDepth::kAll).data->mean_hash, was);
  EXPECT_EQ(refusal(runs), "");
  EXPECT_EQ(mark(file), "");
  EXPECT_EQ(evaluate(file, *make_cpu_engine(1)).differing, 0);
  write_mean_image(folder_ + "/mean", mean_image_of(*open_data(spec().data).test));
  EXPECT_THAT(refusal(runs), HasSubstr("data.mean.file: " + folder_ + "/mean has changed: 2 runs saw values (hash " +
                                       was + "), now it"));
  EXPECT_THAT(mark(file), HasSubstr(folder_ + "/mean held values (hash " + was + ")"));
  EXPECT_THROW(static_cast<void>(evaluate(file, *make_cpu_engine(1))), ConfigError);
  fs::remove(folder_ + "/mean");
  EXPECT_EQ(mark(file), "") << "what has gone is not known to have changed";
}

TEST_F(ChangedDataTest, AMeanImageOfTheTrainingSetIsEvaluatedWithIt) {
  const RunSpec run = spec({"data.mean={image: train}"});
  const std::string file = swept_file(run);
  EXPECT_EQ(read_run(file, ReadDepth::kAll).data->mean_hash, hash_of(mean_image_of(*open_data(run.data).train)));
  EXPECT_EQ(evaluate(file, *make_cpu_engine(1)).differing, 0);
  replace("train_lmdb", 2);
  EXPECT_THAT(refusal({run}), AllOf(HasSubstr("data.train.lmdb"), Not(HasSubstr("data.mean")))) << "said once";
  EXPECT_THROW(static_cast<void>(evaluate(file, *make_cpu_engine(1))), ConfigError);
}

TEST_F(ChangedDataTest, TheSameItemsInAnotherFileAreNoChange) {
  const std::vector<RunSpec> runs = seeds(2);
  const std::string file = sweep(planned(runs)).at(0).path;
  fs::rename(folder_ + "/train_lmdb", folder_ + "/moved");
  fs::create_directory_symlink(folder_ + "/moved", folder_ + "/train_lmdb");
  EXPECT_EQ(refusal(runs), "");
  fs::remove(folder_ + "/train_lmdb");
  make_data(1);
  EXPECT_EQ(refusal(runs), "");
  EXPECT_EQ(mark(file), "");
  EXPECT_EQ(evaluate(file, *make_cpu_engine(1)).differing, 0);
}

TEST_F(ChangedDataTest, CompleteRunsThatSawOtherDataStopTheNextCall) {
  const std::vector<RunSpec> runs = seeds(2);
  const std::vector<Standing> before = sweep(planned(runs));
  make_data(2);
  const std::string was = to_string(read_run(before[0].path, ReadDepth::kAll).data->train.contents);
  const std::string is = to_string(open_data(runs[0].data).train->contents());
  EXPECT_THAT(refusal(runs), AllOf(HasSubstr("data.train.lmdb: " + folder_ + "/train_lmdb has changed: 2 runs saw " +
                                             was + ", now it holds " + is),
                                   HasSubstr("\ncommand line"), HasSubstr("data.test.lmdb: "), HasSubstr("--force")));
  EXPECT_EQ(stamp_of(before[0].path), before[0].stamp);
  EXPECT_THAT(mark(before[0].path), AllOf(HasSubstr("held " + was + ", and holds " + is), HasSubstr("test_lmdb")));
  const RunRecord again = swept(runs[0], {.force = true});
  EXPECT_EQ(again.data->train.contents, open_data(runs[0].data).train->contents());
  EXPECT_THAT(refusal(runs), HasSubstr("1 run saw")) << "the other was not asked for";
  EXPECT_EQ(refusal({runs[0]}), "");
}

TEST_F(ChangedDataTest, EachSetCountsAlone) {
  const std::vector<RunSpec> runs = {spec()};
  const std::string path = sweep(planned(runs)).at(0).path;
  replace("test_lmdb", 2);
  EXPECT_THAT(refusal(runs), AllOf(HasSubstr("test_lmdb has changed"), Not(HasSubstr("train_lmdb has changed"))));
  EXPECT_THAT([&] { static_cast<void>(evaluate(path, *make_cpu_engine(1))); },
              testing::ThrowsMessage<ConfigError>(
                  AllOf(HasSubstr(open_data(runs[0].data).test->contents().hash),
                        HasSubstr(read_run(path, ReadDepth::kSummary).data->test.contents.hash))));
  replace("test_lmdb", 1);
  EXPECT_EQ(refusal(runs), "");
  replace("train_lmdb", 2);
  EXPECT_THAT(refusal(runs), AllOf(HasSubstr("train_lmdb has changed"), Not(HasSubstr("test_lmdb has changed"))));
  EXPECT_EQ(evaluate(path, *make_cpu_engine(1)).differing, 0) << "a test needs no training data";
}

TEST_F(ChangedDataTest, ADatabaseForBothSetsIsNamedOnce) {
  std::vector<RunSpec> runs = {spec()};
  runs[0].data.test.lmdb = runs[0].data.train.lmdb;
  sweep(planned(runs));
  make_data(1, 220);
  EXPECT_THAT(refusal(runs),
              AllOf(HasSubstr("1 run saw 200 items"), HasSubstr("holds 220 items"), Not(HasSubstr("\n"))));
}

TEST_F(ChangedDataTest, AnInterruptedRunGoesOnWithItsOwnDataOnly) {
  const std::vector<RunSpec> runs = {spec()};
  interrupt(runs[0]);
  EXPECT_EQ(refusal(runs), "");
  const std::string checkpoint = ResultsFolder(folder_, "test").checkpoint(runs[0]);
  make_data(2);
  EXPECT_THAT(refusal(runs), HasSubstr("1 run saw"));
  std::vector<std::string> problems;
  EXPECT_TRUE(read_checkpoint(checkpoint, problems)) << "nothing is lost";
  const RunRecord forced = swept(runs[0], {.force = true});
  fs::remove_all(folder_ + "/test");
  const RunRecord anew = swept(runs[0]);
  EXPECT_EQ(forced.weights[0].master, anew.weights[0].master) << "from its first iteration";
  EXPECT_EQ(forced.data, anew.data);
}

TEST_F(ChangedDataTest, ARunThatIsForcedAndOfTheSameDataGoesOn) {
  const std::vector<RunSpec> runs = {spec()};
  interrupt(runs[0]);
  EXPECT_EQ(planned(runs, {.force = true}).runs()[0].standing.stage, Stage::kResume);
  make_data(2);
  EXPECT_EQ(planned(runs, {.force = true}).runs()[0].standing.stage, Stage::kNew);
}

TEST_F(ChangedDataTest, FailedRunsAreTriedAgainWithWhatThereIs) {
  const std::vector<RunSpec> runs = {spec({"solver.lr=1e30"})};
  EXPECT_EQ(sweep(planned(runs)).at(0).stage, Stage::kFailed);
  make_data(2);
  EXPECT_EQ(refusal(runs), "");
}

TEST_F(ChangedDataTest, AStartThatIsTrainedAgainIsAChange) {
  const std::string source = swept(spec({"seed=1"})).run_id;
  const std::string file = folder_ + "/source.h5";
  fs::copy(folder_ + "/test/" + source + ".h5", file);
  const std::vector<RunSpec> runs = {spec({"train.init_from=" + file, "seed=5"})};
  const std::string path = sweep(planned(runs)).at(0).path;
  EXPECT_THAT(read_run(path, ReadDepth::kSummary).data->init_from_hash, testing::SizeIs(32));
  EXPECT_EQ(refusal(runs), "");
  fs::copy(folder_ + "/test/" + swept(spec({"seed=2"})).run_id + ".h5", file, fs::copy_options::overwrite_existing);
  EXPECT_THAT(refusal(runs), AllOf(HasSubstr("train.init_from: " + file + " has changed: 1 run saw masters (hash "),
                                   Not(HasSubstr("lmdb has changed"))));
  EXPECT_THAT(mark(path), HasSubstr(file + " held masters"));
  fs::copy(folder_ + "/test/" + swept(spec({"network.conv1.out_channels=3"})).run_id + ".h5", file,
           fs::copy_options::overwrite_existing);
  EXPECT_THAT(refusal(runs), HasSubstr("of another network"));
  fs::remove(file);
  EXPECT_EQ(refusal(runs), "") << "a complete run does not need it any more";
  EXPECT_EQ(mark(path), "");
}

TEST_F(ChangedDataTest, WhatHasGoneIsNotMarked) {
  const std::string path = swept_file(spec());
  fs::remove_all(folder_ + "/train_lmdb");
  fs::remove_all(folder_ + "/test_lmdb");
  EXPECT_EQ(mark(path), "");
}

TEST_F(ChangedDataTest, RunsThatRecordedNoDataAreTakenAsTheyAre) {
  const std::vector<RunSpec> runs = {spec({"train.iterations_per_epoch=null"})};
  const std::string path = sweep(planned(runs)).at(0).path;
  forget_data(path);
  make_data(2, 240);
  EXPECT_EQ(refusal(runs), "");
  EXPECT_EQ(mark(path), "");
  make_data(1);
  EXPECT_EQ(evaluate(path, *make_cpu_engine(1)).differing, 0);
}

TEST_F(ChangedDataTest, ACheckpointWithoutARecordGoesOnAndHasOneThen) {
  const std::vector<RunSpec> runs = {spec({"train.iterations_per_epoch=null"})};
  interrupt(runs[0]);
  const ResultsFolder folder(folder_, "test");
  std::vector<std::string> problems;
  Checkpoint old = read_checkpoint(folder.checkpoint(runs[0]), problems).value();
  old.record.data.reset();
  write_checkpoint(folder.checkpoint(runs[0]), old);
  write_checkpoint(folder.checkpoint(runs[0]), old);
  make_data(2, 240);
  EXPECT_THAT(refusal(runs), HasSubstr("1 run saw items for 10 iterations an epoch, now it holds items for 12"));
  make_data(2);
  EXPECT_EQ(refusal(runs), "") << "other pixels can't be told";
  EXPECT_EQ(swept(runs[0]).data, record_of(runs[0].data, open_data(runs[0].data)));
}

TEST_F(ChangedDataTest, ACheckpointThatAnotherProcessLeftMeanwhileIsNotTaken) {
  const std::vector<RunSpec> runs = seeds(2);
  interrupt(runs[1]);
  const std::string path = ResultsFolder(folder_, "test").checkpoint(runs[1]);
  std::vector<std::string> problems;
  Checkpoint other = read_checkpoint(path, problems).value();
  other.record.data->test.contents.hash = "another";
  before_training_ = [&] { write_checkpoint(path, other); };
  EXPECT_THAT([&] { sweep(planned(runs, {.pack = 2})); },
              testing::ThrowsMessage<ConfigError>(HasSubstr("test_lmdb has changed: 1 run saw 90 items")));
  EXPECT_EQ(read_checkpoint(path, problems)->record.data, other.record.data) << "it stays";
  before_training_ = [] {};
  EXPECT_THAT(sweep(planned(runs, {.force = true})), testing::Each(testing::Field(&Standing::stage, Stage::kComplete)));
}

TEST_F(ChangedDataTest, ARunThatAnotherProcessCompletedMeanwhileOnOtherDataIsNotTakenForOurs) {
  const std::vector<RunSpec> runs = seeds(2);
  RunRecord other = swept(runs[1]);
  const std::string path = ResultsFolder(folder_, "test").run_file(runs[1]);
  fs::remove(path);
  other.data->train.contents.hash = "another";
  before_training_ = [&] { write_run(path, other); };
  EXPECT_THAT([&] { sweep(planned(runs, {.pack = 2})); },
              testing::ThrowsMessage<ConfigError>(HasSubstr("train_lmdb has changed: 1 run saw 200 items")));
}

}  // namespace
}  // namespace qrun
