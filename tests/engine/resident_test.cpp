// Batches gathered on the device equal those that the host brings.
#include <atomic>

#include "data/dataset.h"
#include "engine/small_net.h"

namespace qrun {
namespace {

const std::atomic<bool> kGoOn{false};

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
};

Trained train(bool opaque) {
  std::vector<RunSpec> specs = {small_net(1, 2), small_net(7, 3)};
  for (RunSpec& spec : specs) {
    spec.data = digits();
    spec.network.back().params["out_features"] = 10;
  }
  const RunData data = open_data(specs[0].data);
  const Plan plan = lower(specs, {data.shape, data.train->items()});
  std::vector<RunFeeds> feeds;
  for (const RunSpec& spec : specs) {
    feeds.push_back({make_feed(data.train, spec.data, Split::kTrain, spec.seed),
                     make_feed(data.test, spec.data, Split::kTest, spec.seed)});
    EXPECT_TRUE(feeds.back().train->source().has_value());
    if (opaque)
      feeds.back() = {std::make_shared<Opaque>(feeds.back().train), std::make_shared<Opaque>(feeds.back().test)};
  }
  const auto engine = make_engine({"emulated", "", 1});
  const auto program = engine->load(plan, std::move(feeds));
  initialise(*program, plan);
  Trained result;
  for (const std::int64_t iterations : {3, 4}) {  // over the end of a pass; in two calls
    for (const Floats& losses : program->train(iterations, kGoOn).losses) result.losses.push_back(losses);
  }
  result.tests = program->test(0);
  return result;
}

TEST(CudaEngine, DataOnTheDeviceGivesTheSameBits) {
  const Trained brought = train(true);
  const Trained resident = train(false);
  EXPECT_EQ(resident.losses, brought.losses);
  for (std::size_t run = 0; run < 2; ++run) {
    EXPECT_EQ(resident.tests[run].labels, brought.tests[run].labels);
    EXPECT_EQ(resident.tests[run].predictions, brought.tests[run].predictions);
    EXPECT_EQ(resident.tests[run].loss, brought.tests[run].loss);
  }
}

}  // namespace
}  // namespace qrun
