// A small network and images that it can learn.
#pragma once

#include <atomic>

#include "engine/support.h"
#include "plan/initial_state.h"
#include "plan/lower.h"
#include "quant/all.h"
#include "reference/layers.h"

namespace qrun {

/// Images that carry their label: a bright row. Enough to learn from.
class StripeFeed : public Feed {
 public:
  explicit StripeFeed(std::int64_t items) : items_(items) {}
  [[nodiscard]] Shape shape() const override { return {1, 10, 10}; }
  [[nodiscard]] std::int64_t items() const override { return items_; }
  Batch fetch(std::int64_t first, std::int64_t n) override {
    images_ = normal(n * 100, static_cast<std::uint64_t>(first));
    labels_.clear();
    for (std::int64_t i = 0; i < n; ++i) {
      const auto label = static_cast<std::int32_t>(random_below(3, 1, static_cast<std::uint64_t>(first + i), 4));
      for (std::int64_t k = 0; k < 10; ++k) images_[ref::at(i * 100 + 20 * label + k)] += 3.0F;
      labels_.push_back(label);
    }
    return {images_.data(), labels_.data(), n};
  }

 private:
  std::int64_t items_;
  Floats images_;
  std::vector<std::int32_t> labels_;
};

inline RunSpec small_net(std::uint64_t seed, int bits) {
  RunSpec spec;
  spec.seed = seed;
  spec.data.train.batch_size = 20;
  spec.data.test.batch_size = 30;
  spec.train.iterations_per_epoch = 50;
  spec.solver.lr = 0.05;
  spec.solver.momentum = 0.9;
  spec.network = {layer("conv1", "data", Conv2dLayer{.out_channels = 6, .kernel_size = 3, .padding = 1}),
                  layer("pool1", "conv1", MaxPool2dLayer{.kernel_size = 2, .stride = 2}),
                  layer("relu1", "pool1", ReluLayer{}), layer("score", "relu1", LinearLayer{.out_features = 4})};
  if (bits > 0) {
    spec.network[0].weight_quant = {.method = AllQuantizers::find("ulq"), .bits = bits};
    spec.network[0].activation_quant = {.method = AllQuantizers::find("clip"), .bits = 8, .range = Range::kEma};
    spec.network[3].weight_quant = {
        .method = AllQuantizers::find("ternary"), .bits = 2, .per_channel = true, .gradient = Gradient::kSteClipped};
  }
  return spec;
}

/// Parameters as a run's seed says.
inline void initialise(Program& program, const Plan& plan) {
  for (int run = 0; run < static_cast<int>(plan.runs.size()); ++run) program.restore(run, initial_state(plan, run));
}

/// Runs that are loaded and ready to train on stripes.
struct Pack {
  std::vector<RunSpec> specs;
  Plan plan;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Program> program;
};

inline Pack start(std::vector<RunSpec> specs, std::unique_ptr<Engine> engine) {
  Pack pack{std::move(specs), {}, std::move(engine), nullptr};
  pack.plan = lower(pack.specs, {{1, 10, 10}, 1000});
  std::vector<RunFeeds> feeds;
  for (std::size_t i = 0; i < pack.specs.size(); ++i)
    feeds.push_back({std::make_shared<StripeFeed>(1000), std::make_shared<StripeFeed>(95)});
  pack.program = pack.engine->load(pack.plan, std::move(feeds));
  initialise(*pack.program, pack.plan);
  return pack;
}
inline Pack start(std::vector<RunSpec> specs, const EngineCase& on) { return start(std::move(specs), make_engine(on)); }

inline const std::atomic<bool> kGoOn{false};

}  // namespace qrun
