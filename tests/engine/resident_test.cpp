// Batches gathered on the device equal those that the host brings.

#include "data/dataset.h"
#include "engine/small_net.h"

namespace qrun {
namespace {

/// A feed whose data set engines cannot take with them.
class Opaque : public Feed {
 public:
  explicit Opaque(std::shared_ptr<Feed> inner) : inner_(std::move(inner)) {}
  [[nodiscard]] Shape shape() const override { return inner_->shape(); }
  [[nodiscard]] std::int64_t items() const override { return inner_->items(); }
  Batch fetch(std::int64_t first, std::int64_t n) override { return inner_->fetch(first, n); }

 private:
  std::shared_ptr<Feed> inner_;
};

/// Digits, cropped, mirrored and shuffled: the order and the place of each image are random.
DataSpec digits() {
  DataSpec data;
  data.train = {.synthetic_digits = 90, .batch_size = 20, .shuffle = true};
  data.test = {.synthetic_digits = 50, .batch_size = 30};
  data.scale = 1.0 / 256;
  data.mean = {33.0};
  data.crop = 10;
  data.mirror = true;
  data.pad = 2;
  return data;
}

struct Trained {
  std::vector<Floats> losses;
  std::vector<TestResult> tests;
  std::vector<std::optional<Divergence>> divergences;
};

/// Two runs, the first at a rate of its own, with calls of train() of these lengths.
Trained train(const EngineCase& on, bool opaque, double rate, const std::vector<std::int64_t>& calls,
              const DataSpec& images = digits()) {
  std::vector<RunSpec> specs = {small_net(1, 2), small_net(7, 3)};
  specs[0].solver.lr = rate;
  for (RunSpec& spec : specs) {
    spec.data = images;
    std::get<LinearLayer>(spec.network.back().params).out_features = 10;
  }
  const RunData data = open_data(specs[0].data);
  const Plan plan = lower(specs, {data.shape, data.train->items()});
  std::vector<RunFeeds> feeds;
  for (const RunSpec& spec : specs) {
    feeds.push_back(
        {make_feed(data, spec.data, Split::kTrain, spec.seed), make_feed(data, spec.data, Split::kTest, spec.seed)});
    EXPECT_TRUE(feeds.back().train->source().has_value());
    if (opaque)
      feeds.back() = {std::make_shared<Opaque>(feeds.back().train), std::make_shared<Opaque>(feeds.back().test)};
  }
  const auto engine = make_engine(on);
  const auto program = engine->load(plan, std::move(feeds));
  initialise(*program, plan);
  Trained result;
  for (const std::int64_t iterations : calls) {
    TrainResult trained = program->train(iterations, kGoOn);
    for (const Floats& losses : trained.losses) result.losses.push_back(losses);
    result.divergences = std::move(trained.divergences);
  }
  result.tests = program->test(0);
  return result;
}

void expect_same(const Trained& one, const Trained& other, std::size_t first_run) {
  EXPECT_EQ(one.losses, other.losses);
  for (std::size_t run = first_run; run < 2; ++run) {
    EXPECT_EQ(one.tests[run].labels, other.tests[run].labels);
    EXPECT_EQ(one.tests[run].predictions, other.tests[run].predictions);
    EXPECT_EQ(one.tests[run].loss, other.tests[run].loss);
  }
}

TEST_P(EngineTest, DataOnTheDeviceGivesTheSameBits) {
  const std::vector<std::int64_t> over_the_end_of_a_pass = {3, 4};
  const Trained resident = train(GetParam(), false, 0.05, over_the_end_of_a_pass);
  expect_same(resident, train(GetParam(), true, 0.05, over_the_end_of_a_pass), 0);
}

TEST_P(EngineTest, AMeanImageOnTheDeviceGivesTheSameBits) {
  DataSpec images = digits();
  images.mean = {};
  images.mean_of_train = true;
  const Trained resident = train(GetParam(), false, 0.05, {3}, images);
  expect_same(resident, train(GetParam(), true, 0.05, {3}, images), 0);
  EXPECT_NE(resident.losses, train(GetParam(), false, 0.05, {3}).losses) << "and is not the mean of a channel";
}

// The run that has diverged has an order of images for the first call only, and the second call is longer.
TEST_P(EngineTest, ARunThatDivergedReadsNoImagesThatNobodyChose) {
  const Trained resident = train(GetParam(), false, 1e30, {6, 12});
  ASSERT_TRUE(resident.divergences[0].has_value());
  EXPECT_FALSE(resident.divergences[1].has_value());
  expect_same(resident, train(GetParam(), true, 1e30, {6, 12}), 1);
}

}  // namespace
}  // namespace qrun
