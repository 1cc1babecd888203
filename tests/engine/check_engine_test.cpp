// The engine that compares two others.
#include "engine/check_engine.h"

#include <gmock/gmock.h>

#include <atomic>
#include <set>

#include "config/fields/layer.h"
#include "config/read.h"
#include "engine/small_net.h"

namespace qrun {
namespace {

/// Passes everything on, but adds to one value that a step leaves in a buffer.
class Spoiled : public Program, private StepAccess {
 public:
  Spoiled(std::unique_ptr<Program> inner, BufferId buffer, float by)
      : inner_(std::move(inner)), buffer_(buffer), by_(by) {}
  TrainResult train(std::int64_t n, const std::atomic<bool>& stop) override { return inner_->train(n, stop); }
  std::vector<TestResult> test(std::int64_t samples) override { return inner_->test(samples); }
  TrainingState state(int run) override { return inner_->state(run); }
  void restore(int run, const TrainingState& state) override { inner_->restore(run, state); }
  QuantizedBlob codes(int run, ParamId param) override { return inner_->codes(run, param); }
  void set_values(int run, ParamId param, std::span<const float> values) override {
    inner_->set_values(run, param, values);
  }
  StepAccess& steps() override { return *this; }

 private:
  void run_step(int run, std::size_t step, std::int64_t n) override { inner_->steps().run_step(run, step, n); }
  void begin_batch(int run, std::int64_t batch) override { inner_->steps().begin_batch(run, batch); }
  Floats read(int run, const Operand& what, std::int64_t n) override {
    Floats values = inner_->steps().read(run, what, n);
    if (what == Operand::value(buffer_)) values[17] += by_;
    return values;
  }
  void write(int run, const Operand& what, std::int64_t n, std::span<const float> values) override {
    inner_->steps().write(run, what, n, values);
  }

  std::unique_ptr<Program> inner_;
  BufferId buffer_;
  float by_;
};

class SpoiledEngine : public Engine {
 public:
  SpoiledEngine(BufferId buffer, float by) : buffer_(buffer), by_(by) {}
  [[nodiscard]] EngineInfo info() const override { return {.name = "spoiled"}; }
  std::unique_ptr<Program> load(const Plan& plan, std::vector<RunFeeds> feeds) override {
    return std::make_unique<Spoiled>(inner_->load(plan, std::move(feeds)), buffer_, by_);
  }

 private:
  std::unique_ptr<Engine> inner_ = make_cpu_engine(1);
  BufferId buffer_;
  float by_;
};

class CheckEngineTest : public testing::Test {
 protected:
  /// Two runs that differ, on the CPU and on `tested`.
  void load(std::unique_ptr<Engine> tested) {
    const std::vector<RunSpec> specs = {small_net(1, 2), small_net(2, 0)};
    plan_ = lower(specs, {{1, 10, 10}, 1000});
    const auto feed = [] { return std::make_shared<StripeFeed>(1000); };
    engine_ = make_check_engine(make_cpu_engine(1), std::move(tested));
    program_ = engine_->load(plan_, {{feed(), feed()}, {feed(), feed()}});
    initialise(*program_, plan_);
  }
  [[nodiscard]] BufferId buffer_of(const std::string& layer) const {
    const auto at = std::ranges::find(plan_.buffers, layer, &BufferInfo::layer);
    return static_cast<BufferId>(at - plan_.buffers.begin());
  }

  Plan plan_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Program> program_;
};

TEST_F(CheckEngineTest, TheCudaEngineAgreesWithTheCpuEngineOpByOp) {
  load(make_engine({"emulated", "", 1}));
  const TrainResult result = program_->train(3, kGoOn);
  EXPECT_EQ(result.iterations, 3);
  EXPECT_EQ(result.losses[0].size(), 3U);
  EXPECT_EQ(program_->state(1).iteration, 3);
}

/// Random pixels; of the shipped configurations' size, or another.
class NoiseFeed : public Feed {
 public:
  explicit NoiseFeed(std::int64_t side = 28) : side_(side) {}
  [[nodiscard]] Shape shape() const override { return {1, side_, side_}; }
  [[nodiscard]] std::int64_t items() const override { return 1000; }
  Batch fetch(std::int64_t first, std::int64_t n) override {
    images_ = normal(n * shape().size(), static_cast<std::uint64_t>(first));
    labels_.clear();
    for (std::int64_t i = 0; i < n; ++i) labels_.push_back(static_cast<std::int32_t>((first + i) % 10));
    return {images_.data(), labels_.data(), n};
  }

 private:
  std::int64_t side_;
  Floats images_;
  std::vector<std::int32_t> labels_;
};

TEST_F(CheckEngineTest, TheEnginesAgreeOnEveryLayerOfTheShippedConfigurations) {
#if defined(QRUN_ADDRESS_SANITIZER)
  GTEST_SKIP() << "takes minutes here; smaller shapes go through the same kernels";
#endif
  for (const char* name : {"smoke", "lenet_float", "lenet_2bit", "lenet_methods"}) {
    const std::string path = std::string(QRUN_SOURCE_DIR) + "/configs/" + name + ".yaml";
    std::vector<RunSpec> specs = read_config(path, {"data.train.batch_size=3", "seed=1"}).runs;
    std::erase_if(specs, [](const RunSpec& spec) { return spec.seed != 1; });
    const Plan plan = lower(specs, {{1, 28, 28}, 1000});
    std::vector<RunFeeds> feeds;
    for (std::size_t i = 0; i < specs.size(); ++i) feeds.push_back({std::make_shared<NoiseFeed>(), nullptr});
    const auto engine = make_check_engine(make_cpu_engine(1), make_engine({"emulated", "", 1}));
    const auto program = engine->load(plan, std::move(feeds));
    initialise(*program, plan);
    EXPECT_EQ(program->train(1, kGoOn).iterations, 1) << name;
  }
}

RunSpec every_layer() {
  return read_config(std::string(QRUN_SOURCE_DIR) + "/tests/engine/every_layer.yaml", {}).runs.at(0);
}

TEST_F(CheckEngineTest, TheNetworkOfEveryLayerIsComplete) {
  const RunSpec spec = every_layer();
  std::set<std::string> layers;
  std::set<int> methods;
  for (const LayerSpec& one : spec.network) {
    layers.insert(one.type());
    for (const QuantSettings& quant : {one.weight_quant, one.bias_quant, one.activation_quant})
      if (quant.method != kNoQuantizer) methods.insert(quant.method);
  }
  EXPECT_EQ(layers.size(), layer_types().size());
  EXPECT_EQ(methods.size(), std::size(AllQuantizers::kInfos));
}

TEST_F(CheckEngineTest, InstructionSetsAgreeOpByOp) {
  const std::vector<std::string> sets = cpu_instruction_sets();
  const RunSpec spec = every_layer();
  const Plan plan = lower({spec}, {{1, 29, 29}, 1000});
  for (std::size_t i = 1; i < sets.size(); ++i) {
    const auto engine = make_check_engine(make_cpu_engine(1, sets[0]), make_cpu_engine(3, sets[i]));
    const auto program = engine->load(plan, {{std::make_shared<NoiseFeed>(29), nullptr}});
    initialise(*program, plan);
    EXPECT_EQ(program->train(3, kGoOn).iterations, 3) << sets[0] << " and " << sets[i];
  }
}

TEST_F(CheckEngineTest, ItTrainsAsTheReferenceDoes) {
  load(make_cpu_engine(1));
  const Floats losses = program_->train(4, kGoOn).losses[0];
  Plan alone = plan_;
  alone.runs.resize(1);
  const auto cpu = make_cpu_engine(1);
  const auto program = cpu->load(alone, {{std::make_shared<StripeFeed>(1000), nullptr}});
  initialise(*program, alone);
  EXPECT_EQ(losses, program->train(4, kGoOn).losses[0]);
}

TEST_F(CheckEngineTest, ADifferenceBeyondRoundingNamesTheOp) {
  load(make_cpu_engine(1));
  const BufferId conv1 = buffer_of("conv1");
  load(std::make_unique<SpoiledEngine>(conv1, 1e-3F));
  try {
    program_->train(1, kGoOn);
    FAIL() << "no difference found";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("conv2d of layer conv1, run 0, value at 17: cpu has "));
  }
}

TEST_F(CheckEngineTest, RoundingIsNoDifference) {
  load(make_cpu_engine(1));
  const BufferId conv1 = buffer_of("conv1");
  load(std::make_unique<SpoiledEngine>(conv1, 1e-8F));
  EXPECT_NO_THROW(program_->train(1, kGoOn));
}

}  // namespace
}  // namespace qrun
