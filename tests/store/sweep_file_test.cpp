// The index of a sweep: copied numbers, typed columns, damaged files named and left out.
#include "store/sweep_file.h"

#include <cmath>

#include "store/h5.h"
#include "support.h"

namespace qrun::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SweepFileTest : public FolderTest {
 protected:
  void write(const std::string& id, const std::vector<std::pair<std::string, std::string>>& swept,
             std::size_t epochs) const {
    RunRecord record = sample_record();
    record.run_id = id;
    record.swept = swept;
    record.train.resize(epochs);
    write_run(path(id + ".h5"), record);
  }
};

TEST_F(SweepFileTest, HoldsTheNumbersOfAllRuns) {
  write("a", {{"vars.w_bits", "2"}, {"solver.lr", "1"}, {"solver.type", "sgd"}, {"data.train.shuffle", "true"}}, 3);
  write("b", {{"vars.w_bits", "4"}, {"solver.lr", "0.5"}, {"solver.type", "adam"}, {"data.train.shuffle", "false"}}, 2);
  SweepFile sweep(path(""));
  EXPECT_THAT(sweep.update().problems, IsEmpty());
  const h5::File file = h5::File::open(sweep.path());
  EXPECT_EQ(file.root().text("format"), "qrun-sweep");
  const h5::Group summary = file.root().open("summary");
  EXPECT_THAT(summary.read<double>("final_test_accuracy"),
              ElementsAre(sample_record().final_test_accuracy, sample_record().final_test_accuracy));
  EXPECT_THAT(summary.read<std::int64_t>("vars.w_bits"), ElementsAre(2, 4));
  EXPECT_THAT(summary.read<double>("solver.lr"), ElementsAre(1.0, 0.5));
  EXPECT_EQ(summary.kind("solver.type"), h5::Kind::kText);
  EXPECT_EQ(summary.kind("data.train.shuffle"), h5::Kind::kFlag);
  const h5::Group metrics = file.root().open("metrics");
  EXPECT_THAT(metrics.dims("train_loss"), ElementsAre(2, 3));
  const std::vector<double> losses = metrics.read<double>("train_loss");
  EXPECT_EQ(losses[0], sample_record().train[0].loss_mean);
  EXPECT_TRUE(std::isnan(losses[5])) << "b has no third epoch";
}

TEST_F(SweepFileTest, LosesNoDigitOfASeed) {
  write("a", {{"seed", "1"}}, 1);
  write("b", {{"seed", "18446744073709551615"}}, 1);
  SweepFile sweep(path(""));
  EXPECT_THAT(sweep.update().problems, IsEmpty());
  const h5::File file = h5::File::open(sweep.path());
  EXPECT_THAT(file.root().open("summary").read<std::uint64_t>("seed"), ElementsAre(1, 18446744073709551615U));
}

TEST_F(SweepFileTest, ARunWithoutAValueHasNaNOrAnEmptyText) {
  write("a", {{"vars.w_bits", "2"}, {"solver.type", "sgd"}}, 1);
  write("b", {}, 1);
  SweepFile sweep(path(""));
  EXPECT_THAT(sweep.update().problems, IsEmpty());
  const h5::File file = h5::File::open(sweep.path());
  EXPECT_TRUE(std::isnan(file.root().open("summary").read<double>("vars.w_bits")[1]));
}

TEST_F(SweepFileTest, TakesAnySizeThatANetworkSays) {
  for (const char* json : {"", "[]", "{}", R"({"model_bits": "many"})", R"({"model_bits": null})"}) {
    RunRecord record = sample_record();
    record.network_json = json;
    write_run(path("a.h5"), record);
    EXPECT_THAT(SweepFile(path("")).update().problems, IsEmpty()) << json;
  }
}

TEST_F(SweepFileTest, NamesDamagedFilesAndFollowsChanges) {
  write("a", {}, 1);
  write("b", {}, 1);
  SweepFile sweep(path(""));
  EXPECT_THAT(sweep.update().problems, IsEmpty());
  write_bytes(path("b.h5"), read_bytes(path("b.h5")).substr(0, 3000));
  EXPECT_THAT(sweep.update().problems, ElementsAre(HasSubstr("b.h5: damaged")));
  const auto runs = [&] {
    return h5::File::open(sweep.path()).root().open("summary").read<double>("wall_seconds").size();
  };
  EXPECT_EQ(runs(), 1U);
  write("c", {}, 1);
  EXPECT_THAT(sweep.update().problems, ElementsAre(HasSubstr("b.h5: damaged")));
  EXPECT_EQ(runs(), 2U);
}

}  // namespace
}  // namespace qrun::test
