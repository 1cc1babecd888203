#include <chrono>
#include <cmath>
#include <thread>

#include "store/h5.h"
#include "support.h"

namespace qrun::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

void expect_same_params(const std::vector<QParams>& got, const std::vector<QParams>& want, const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].scale, want[i].scale) << what << " at " << i;
    EXPECT_EQ(got[i].offset, want[i].offset) << what << " at " << i;
  }
}

class RunFileTest : public FolderTest {
 protected:
  [[nodiscard]] RunRecord written_and_read(const RunRecord& record, ReadDepth depth = ReadDepth::kAll) const {
    write_run(path("run.h5"), record);
    return read_run(path("run.h5"), depth);
  }
};

TEST_F(RunFileTest, KeepsWhatIdentifiesARun) {
  const RunRecord want = sample_record();
  const RunRecord got = written_and_read(want);
  EXPECT_EQ(got.run_id, want.run_id);
  EXPECT_EQ(got.name, want.name);
  EXPECT_EQ(got.status, want.status);
  EXPECT_EQ(got.error, "");
  EXPECT_EQ(got.config, want.config);
  EXPECT_EQ(got.seed, want.seed);
  EXPECT_EQ(got.engine, want.engine);
  EXPECT_EQ(got.arithmetic, want.arithmetic);
  EXPECT_EQ(got.device, want.device);
  EXPECT_EQ(got.instruction_set, want.instruction_set);
  EXPECT_EQ(got.hostname, want.hostname);
  EXPECT_EQ(got.threads, want.threads);
  EXPECT_EQ(got.qrun_version, want.qrun_version);
  EXPECT_EQ(got.git_commit, want.git_commit);
  EXPECT_EQ(got.started, want.started);
  EXPECT_EQ(got.finished, want.finished);
  EXPECT_EQ(got.wall_seconds, want.wall_seconds);
  EXPECT_EQ(got.best_test_accuracy, want.best_test_accuracy);
  EXPECT_EQ(got.final_test_accuracy, want.final_test_accuracy);
  EXPECT_EQ(got.final_test_loss, want.final_test_loss);
  EXPECT_EQ(got.network_json, want.network_json);
}

TEST_F(RunFileTest, KeepsWhatDataTheRunSaw) {
  RunRecord want = sample_record();
  EXPECT_EQ(written_and_read(want).data, std::nullopt) << "as files of before have none";
  want.data = DataRecord{.train = {.contents = {.items = 60000, .shape = {1, 28, 27}, .classes = 10, .hash = "01ab"},
                                   .path = "data/train",
                                   .batch_size = 64},
                         .test = {.contents = {.items = 7, .shape = {1, 28, 27}, .classes = 9, .hash = "02cd"},
                                  .path = "",
                                  .batch_size = 9},
                         .mean_hash = "02cd",
                         .init_from_hash = "03ef",
                         .working_directory = "/home/a b"};
  EXPECT_EQ(written_and_read(want, ReadDepth::kSummary).data, want.data);
  want.data->init_from_hash.clear();
  EXPECT_EQ(written_and_read(want, ReadDepth::kSummary).data, want.data);
  const h5::File file = h5::File::open(path("run.h5"));
  const h5::Group train = file.root().open("data").open("train");
  EXPECT_EQ(train.text("path"), "data/train");
  EXPECT_EQ(train.number<std::int64_t>("items"), 60000);
  EXPECT_THAT(train.numbers<std::int64_t>("shape"), ElementsAre(1, 28, 27));
  EXPECT_EQ(train.number<std::int64_t>("classes"), 10);
  EXPECT_EQ(train.text("hash"), "01ab");
  EXPECT_EQ(train.number<std::int64_t>("batch_size"), 64);
}

TEST_F(RunFileTest, KeepsMetricsToTheLastBit) {
  const RunRecord want = sample_record();
  const RunRecord got = written_and_read(want, ReadDepth::kSummary);
  ASSERT_EQ(got.train.size(), 3);
  ASSERT_EQ(got.test.size(), 3);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(got.train[i].epoch, want.train[i].epoch);
    EXPECT_EQ(got.train[i].iteration, want.train[i].iteration);
    EXPECT_EQ(got.train[i].loss, want.train[i].loss);
    EXPECT_EQ(got.train[i].loss_mean, want.train[i].loss_mean);
    EXPECT_EQ(got.train[i].lr, want.train[i].lr);
    EXPECT_EQ(got.train[i].images_per_second, want.train[i].images_per_second);
    EXPECT_EQ(got.test[i].epoch, want.test[i].epoch);
    EXPECT_EQ(got.test[i].iteration, want.test[i].iteration);
    EXPECT_EQ(got.test[i].loss, want.test[i].loss);
    EXPECT_EQ(got.test[i].accuracy, want.test[i].accuracy);
  }
  ASSERT_EQ(got.iterations.size(), 2);
  EXPECT_EQ(got.iterations[1].iteration, 10);
  EXPECT_EQ(got.iterations[1].loss, 0.8);
  EXPECT_EQ(got.iterations[1].lr, 0.009);
  EXPECT_TRUE(got.weights.empty()) << "a summary reads no weights";
}

TEST_F(RunFileTest, KeepsWeightsOfEveryMethod) {
  const RunRecord want = sample_record();
  const RunRecord got = written_and_read(want);
  ASSERT_EQ(got.weights.size(), want.weights.size());
  for (std::size_t i = 0; i < got.weights.size(); ++i) {
    const std::string what = to_string(want.weights[i].address);
    EXPECT_EQ(to_string(got.weights[i].address), what) << "in order of creation";
    EXPECT_EQ(got.weights[i].dims, want.weights[i].dims) << what;
    EXPECT_EQ(got.weights[i].master, want.weights[i].master) << what;
    EXPECT_EQ(got.weights[i].quant, want.weights[i].quant) << what;
    EXPECT_EQ(got.weights[i].quantized.codes, want.weights[i].quantized.codes) << what;
    expect_same_params(got.weights[i].quantized.params, want.weights[i].quantized.params, what);
  }
}

TEST_F(RunFileTest, KeepsActivationsWithTheirRanges) {
  const RunRecord want = sample_record();
  const RunRecord got = written_and_read(want);
  ASSERT_EQ(got.activations.size(), 2);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(got.activations[i].layer, want.activations[i].layer);
    EXPECT_EQ(got.activations[i].shape, want.activations[i].shape);
    EXPECT_EQ(got.activations[i].quant, want.activations[i].quant);
    EXPECT_EQ(got.activations[i].range, want.activations[i].range);
    EXPECT_EQ(got.activations[i].quantized.codes, want.activations[i].quantized.codes);
    expect_same_params(got.activations[i].quantized.params, want.activations[i].quantized.params,
                       got.activations[i].layer);
  }
}

TEST_F(RunFileTest, KeepsRunningStatistics) {
  RunRecord want = sample_record();
  EXPECT_TRUE(written_and_read(want).statistics.empty());
  EXPECT_FALSE(h5::File::open(path("run.h5")).root().has("statistics")) << "as in files of before";
  want.statistics = {{"bn1", {1.5F, -2}, {0.25F, 3}, 9.5}, {"bn2", {4}, {5}, 0}};
  const RunRecord got = written_and_read(want);
  ASSERT_EQ(got.statistics.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(got.statistics[i].layer, want.statistics[i].layer);
    EXPECT_EQ(got.statistics[i].mean, want.statistics[i].mean);
    EXPECT_EQ(got.statistics[i].variance, want.statistics[i].variance);
    EXPECT_EQ(got.statistics[i].count, want.statistics[i].count);
  }
}

TEST_F(RunFileTest, KeepsTheFinalTestAndCountsItsConfusion) {
  const RunRecord want = sample_record();
  const RunRecord got = written_and_read(want);
  EXPECT_EQ(got.labels, want.labels);
  EXPECT_EQ(got.predictions, want.predictions);
  EXPECT_EQ(got.classes, 10);
  const h5::File file = h5::File::open(path("run.h5"));
  const std::vector<std::int64_t> confusion = file.root().open("metrics").read<std::int64_t>("confusion");
  ASSERT_EQ(confusion.size(), 100);
  EXPECT_EQ(confusion[0], 4) << "label 0 is always predicted as 0";
  EXPECT_EQ(confusion[12], 4) << "label 1 is always predicted as 2";
  EXPECT_EQ(confusion[11], 0);
}

TEST_F(RunFileTest, GivesSweptValuesTheirTypes) {
  RunRecord record = sample_record();
  record.swept = {{"int", "-3"},
                  {"hex", "0xCAFFE"},
                  {"large", "18446744073709551615"},
                  {"float", "0.01"},
                  {"exponent", "1.0e-4"},
                  {"whole", "2.0"},
                  {"flag", "false"},
                  {"text", "adam"},
                  {"quoted", "\"a b\""},
                  {"map", "{bits: 2}"},
                  {"lowest", "-9223372036854775808"}};
  const RunRecord got = written_and_read(record);
  EXPECT_THAT(got.swept, ElementsAre(Pair("int", "-3"), Pair("hex", "831486"), Pair("large", "18446744073709551615"),
                                     Pair("float", "0.01"), Pair("exponent", "1e-04"), Pair("whole", "2.0"),
                                     Pair("flag", "false"), Pair("text", "adam"), Pair("quoted", "a b"),
                                     Pair("map", "{bits: 2}"), Pair("lowest", "-9223372036854775808")));
  const h5::File file = h5::File::open(path("run.h5"));
  const h5::Group params = file.root().open("params");
  EXPECT_EQ(params.attribute_kind("int"), h5::Kind::kSigned);
  EXPECT_EQ(params.attribute_kind("large"), h5::Kind::kUnsigned);
  EXPECT_EQ(params.attribute_kind("whole"), h5::Kind::kReal);
  EXPECT_EQ(params.attribute_kind("flag"), h5::Kind::kFlag);
  EXPECT_EQ(params.attribute_kind("text"), h5::Kind::kText);
}

TEST_F(RunFileTest, HoldsARunThatFailedBeforeItsFirstEpoch) {
  RunRecord record;
  record.run_id = "run-0123456789ab";
  record.status = RunStatus::kFailed;
  record.error = "diverged at iteration 3";
  const RunRecord got = written_and_read(record);
  EXPECT_EQ(got.status, RunStatus::kFailed);
  EXPECT_EQ(got.error, "diverged at iteration 3");
  EXPECT_TRUE(got.train.empty() && got.test.empty() && got.iterations.empty());
  EXPECT_TRUE(got.labels.empty() && got.weights.empty() && got.activations.empty());
  EXPECT_TRUE(std::isnan(got.best_test_accuracy) && std::isnan(got.final_test_accuracy));
  EXPECT_EQ(got.hostname, "") << "an empty text is a text";
}

TEST_F(RunFileTest, ReplacesAnOldFile) {
  RunRecord record = sample_record();
  write_run(path("run.h5"), record);
  record.status = RunStatus::kInterrupted;
  EXPECT_EQ(written_and_read(record).status, RunStatus::kInterrupted);
  EXPECT_THAT(names(), ElementsAre("run.h5")) << "no temporary file stays";
}

TEST_F(RunFileTest, WritesTheSameBytesAnotherSecond) {
  write_run(path("a.h5"), sample_record());
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  write_run(path("b.h5"), sample_record());
  EXPECT_TRUE(read_bytes(path("a.h5")) == read_bytes(path("b.h5"))) << "files differ";
}

TEST_F(RunFileTest, WritesAgainWhatItReads) {
  write_run(path("a.h5"), sample_record());
  write_run(path("b.h5"), read_run(path("a.h5"), ReadDepth::kAll));
  EXPECT_TRUE(read_bytes(path("a.h5")) == read_bytes(path("b.h5"))) << "files differ";
}

TEST_F(RunFileTest, HoldsMoreChannelsThanASmallAttribute) {
  RunRecord record;
  record.status = RunStatus::kComplete;
  record.weights.push_back(quantized_blob("fc", "weight", {20000, 2}, settings_of("clip", 4, true), 1));
  const RunRecord got = written_and_read(record);
  expect_same_params(got.weights.at(0).quantized.params, record.weights[0].quantized.params, "fc/weight");
}

TEST_F(RunFileTest, NamesWhatIsMissing) {
  EXPECT_EQ(error_of([&] { (void)read_run(path("none.h5"), ReadDepth::kAll); }), path("none.h5") + ": no such file");
  EXPECT_EQ(error_of([&] { (void)read_run(path("."), ReadDepth::kAll); }), path(".") + ": not a file");
}

TEST_F(RunFileTest, CannotBeWrittenBelowAFile) {
  write_bytes(path("file"), "");
  EXPECT_THROW(write_run(path("file/run.h5"), sample_record()), EnvironmentError);
}

}  // namespace
}  // namespace qrun::test
