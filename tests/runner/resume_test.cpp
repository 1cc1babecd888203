// A run that is killed or stopped and goes on ends with the bits of one that was never disturbed.
#include <fstream>
#include <sstream>
#include <thread>

#include "runner/support.h"

namespace qrun {
namespace {

class Resume : public TrainPack, public testing::WithParamInterface<const char*> {
 protected:
  struct Killed {};

  static RunSpec spec() {
    std::vector<std::string> overrides = {"train.log_every=3", "train.test_every=7"};
    std::istringstream words(GetParam());
    for (std::string word; words >> word;) overrides.push_back(word);
    return TrainPack::spec(overrides);
  }

  [[nodiscard]] std::string checkpoint(const RunSpec& run) const {
    return ResultsFolder(folder_, "test").checkpoint(run);
  }

  RunRecord go_on(const RunSpec& run) {
    std::vector<std::string> problems;
    std::optional<Checkpoint> from = read_checkpoint(checkpoint(run), problems);
    EXPECT_TRUE(from) << "there is a checkpoint";
    EXPECT_THAT(problems, testing::IsEmpty());
    resumed_at_ = from ? from->state.iteration : -1;
    const std::atomic<bool> stop{false};
    return read_run(train({{run, std::move(from)}}, stop).at(0).path, ReadDepth::kAll);
  }

  static void expect_same(const RunRecord& got, const RunRecord& want) {
    EXPECT_EQ(got.status, want.status);
    EXPECT_EQ(column(got.train, &TrainPoint::iteration), column(want.train, &TrainPoint::iteration));
    EXPECT_EQ(column(got.train, &TrainPoint::loss), column(want.train, &TrainPoint::loss));
    EXPECT_EQ(column(got.train, &TrainPoint::loss_mean), column(want.train, &TrainPoint::loss_mean));
    EXPECT_EQ(column(got.train, &TrainPoint::lr), column(want.train, &TrainPoint::lr));
    EXPECT_EQ(column(got.test, &TestPoint::loss), column(want.test, &TestPoint::loss));
    EXPECT_EQ(column(got.test, &TestPoint::accuracy), column(want.test, &TestPoint::accuracy));
    ASSERT_EQ(got.top.size(), want.top.size());
    for (std::size_t i = 0; i < got.top.size(); ++i) {
      EXPECT_EQ(got.top[i].tests, want.top[i].tests);
      EXPECT_EQ(got.top[i].final_test, want.top[i].final_test);
    }
    EXPECT_EQ(column(got.iterations, &IterationPoint::loss), column(want.iterations, &IterationPoint::loss));
    EXPECT_EQ(got.best_test_accuracy, want.best_test_accuracy);
    EXPECT_EQ(got.final_test_accuracy, want.final_test_accuracy);
    EXPECT_EQ(got.predictions, want.predictions);
    ASSERT_EQ(got.weights.size(), want.weights.size());
    for (std::size_t i = 0; i < got.weights.size(); ++i) {
      EXPECT_EQ(got.weights[i].master, want.weights[i].master);
      EXPECT_EQ(got.weights[i].quantized.codes, want.weights[i].quantized.codes);
    }
    ASSERT_EQ(got.statistics.size(), want.statistics.size());
    for (std::size_t i = 0; i < got.statistics.size(); ++i) {
      EXPECT_EQ(got.statistics[i].mean, want.statistics[i].mean);
      EXPECT_EQ(got.statistics[i].variance, want.statistics[i].variance);
      EXPECT_EQ(got.statistics[i].count, want.statistics[i].count);
    }
    ASSERT_EQ(got.activations.size(), want.activations.size());
    for (std::size_t i = 0; i < got.activations.size(); ++i) {
      EXPECT_EQ(got.activations[i].quantized.codes, want.activations[i].quantized.codes);
      EXPECT_EQ(got.activations[i].range, want.activations[i].range);
    }
  }

  std::int64_t resumed_at_ = -1;
};

TEST_P(Resume, AfterAKillGivesTheSameBits) {
  const RunSpec run = spec();
  const std::atomic<bool> stop{false};
  const RunRecord whole = train(run, stop);
  int looks = 0;
  const auto kill_at_the_second_checkpoint = [&](const RunSpec&) { return ++looks == 2 ? throw Killed() : true; };
  EXPECT_THROW(train({{run, {}}}, stop, kill_at_the_second_checkpoint), Killed);
  expect_same(go_on(run), whole);
  EXPECT_GE(resumed_at_, 10);
  EXPECT_FALSE(fs::exists(checkpoint(run))) << "a complete run needs none";
}

TEST_P(Resume, AfterStopsAnywhereGivesTheSameBits) {
  const RunSpec run = spec();
  std::atomic<bool> stop{false};
  const RunRecord whole = train(run, stop);
  RunRecord cut;
  for (int stops = 0; cut.status != RunStatus::kComplete; ++stops) {
    std::vector<std::string> problems;
    stop = false;
    std::thread signal([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(2000 + 1700 * stops));
      stop = true;
    });
    const std::optional<Checkpoint> from = read_checkpoint(checkpoint(run), problems);
    const std::vector<RunOutcome> outcomes = train({{run, from}}, stop);
    signal.join();
    cut = read_run(outcomes.at(0).path, ReadDepth::kAll);
  }
  expect_same(cut, whole);
}

INSTANTIATE_TEST_SUITE_P(
    Settings, Resume,
    testing::Values(
        "solver.type=sgd solver.momentum=0.9", "solver.type=nesterov", "solver.type=adam solver.lr=0.001",
        "solver.type=adagrad", "solver.type=rmsprop solver.lr=0.001", "solver.type=adadelta solver.lr=1",
        "data.train.shuffle=true", "data.mirror=true data.pad=2 data.crop=28",
        R"(quantize={"*":{"weight":{"method":"ulq","bits":2},"activation":{"method":"clip","bits":8,"range":"ema"}}} train.keep=best)",
        "network.relu1.type=batch_norm2d train.keep=best", "train.checkpoint_every=2",
        R"(train.accumulate=3 solver.clip_gradients=0.5 network.relu1.type=dropout metrics.top_k=[1,3] loss={"type":"softmax_cross_entropy","label_smoothing":0.1})",
        "train.test_first=true solver.regularization=l1 solver.weight_decay=0.01"));

class Checkpoints : public TrainPack {
 protected:
  /// A run that was stopped in its third epoch: checkpoints of the second and of the stop.
  std::string make(const RunSpec& run) {
    std::atomic<bool> stop{false};
    int looks = 0;
    const auto stop_at_the_second = [&](const RunSpec&) {
      stop = ++looks == 2;
      return true;
    };
    train({{run, {}}}, stop, stop_at_the_second);
    return ResultsFolder(folder_, "test").checkpoint(run);
  }
};

TEST_F(Checkpoints, ADamagedOneFallsBackToTheOneBefore) {
  const std::string path = make(spec({}));
  std::vector<std::string> problems;
  const std::int64_t latest = read_checkpoint(path, problems)->state.iteration;
  for (const std::int64_t cut : {100, 5000}) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-cut, std::ios::end);
    file.put('x');
    file.put('y');
  }
  const std::optional<Checkpoint> found = read_checkpoint(path, problems);
  ASSERT_TRUE(found);
  EXPECT_THAT(problems, testing::ElementsAre(testing::HasSubstr(path)));
  EXPECT_LE(found->state.iteration, latest);
  fs::resize_file(previous_checkpoint(path), 100);
  EXPECT_FALSE(read_checkpoint(path, problems)) << "both are damaged";
  EXPECT_EQ(problems.size(), 3U);
}

TEST_F(Checkpoints, EveryChangedByteIsNoticedOrHarmless) {
  const std::string path = make(spec({}));
  std::vector<std::string> problems;
  const Checkpoint whole = read_checkpoint(path, problems).value();
  fs::remove(previous_checkpoint(path));
  std::ifstream in(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  for (std::size_t at = 64; at < bytes.size(); at += bytes.size() / 300) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    std::ofstream(path, std::ios::binary) << damaged;
    const std::optional<Checkpoint> read = read_checkpoint(path, problems);
    if (!read) continue;
    ASSERT_EQ(read->state.iteration, whole.state.iteration) << "byte " << at;
    for (std::size_t p = 0; p < whole.state.params.size(); ++p)
      ASSERT_EQ(read->state.params[p].master, whole.state.params[p].master) << "byte " << at;
  }
}

}  // namespace
}  // namespace qrun
