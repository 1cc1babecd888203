// What a run gives does not depend on its neighbours in the pack: each key of a configuration in turn.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "data/digits.h"
#include "data/import/import.h"
#include "data/mean_image.h"
#include "plan/pack_key.h"
#include "quant/all.h"
#include "runner/support.h"
#include "runner/sweep_plan.h"

namespace qrun {
namespace {

using Edit = std::function<void(RunSpec&)>;

/// A key, what both runs have so that it counts, and what one of them has in it.
struct Change {
  std::string key;
  bool together = false;  // runs that differ in it train in one pack
  Edit change;
  Edit both = {};
};

constexpr bool kTogether = true;
constexpr bool kApart = false;

/// Another value for a parameter of a layer, `&Conv2dLayer::stride`.
template <class Layer, class T>
Edit param(std::size_t layer, T Layer::*member, std::type_identity_t<T> value) {
  return [=](RunSpec& run) { std::get<Layer>(run.network[layer].params).*member = value; };
}
Edit solver(SolverType type) {
  return [=](RunSpec& run) { run.solver.type = type; };
}
Edit policy(LrPolicyType type) {
  return [=](RunSpec& run) {
    run.solver.lr_policy = {.type = type, .gamma = 0.5, .power = 1, .step_size = 3, .steps = {3}};
  };
}
void average(RunSpec& run) { run.network[1].params = AvgPool2dLayer{.kernel_size = 2, .stride = 2, .padding = 1}; }

void normalize(RunSpec& run) { run.network[5].params = BatchNorm2dLayer{}; }
void leak(RunSpec& run) { run.network[5].params = LeakyReluLayer{}; }
void scale(RunSpec& run) { run.network[5].params = ScaleLayer{}; }
void parametrize(RunSpec& run) { run.network[5].params = PreluLayer{}; }
void respond(RunSpec& run) { run.network[5].params = LrnLayer{.alpha = 1}; }
void drop_out(RunSpec& run) { run.network[5].params = DropoutLayer{}; }
void add_to_itself(RunSpec& run) {
  run.network[5].params = AddLayer{{1, 1}};
  run.network[5].input = {"fc1", "fc1"};
}

std::vector<Change> changes_of_data(const std::string& folder) {
  return {
      {"data.crop", kApart, [](RunSpec& run) { run.data.crop = 24; }},
      {"data.pad", kApart, [](RunSpec& run) { run.data.pad = 2; }},
      {"data.mean", kTogether, [](RunSpec& run) { run.data.mean = {3}; }, [](RunSpec& run) { run.data.mean = {40}; }},
      {"data.mean", kApart, [](RunSpec& run) { run.data.mean = {3}; }},
      {"data.mean.image", kApart, [](RunSpec& run) { run.data.mean_of_train = true; }},
      {"data.mean.file", kApart, [=](RunSpec& run) { run.data.mean_file = folder + "/mean.binaryproto"; }},
      {"data.mirror", kTogether, [](RunSpec& run) { run.data.mirror = true; }},
      {"data.scale", kTogether, [](RunSpec& run) { run.data.scale = 0.01; }},
      {"data.train.batch_size", kApart, [](RunSpec& run) { run.data.train.batch_size = 10; }},
      {"data.train.data_seed", kApart, [](RunSpec& run) { run.data.train.data_seed = 7; }},
      {"data.train.shuffle", kTogether, [](RunSpec& run) { run.data.train.shuffle = !run.data.train.shuffle; }},
      {"data.train.synthetic_digits", kApart, [](RunSpec& run) { run.data.train.synthetic_digits = 120; }},
      {"data.train.lmdb", kApart, [=](RunSpec& run) { run.data.train.lmdb = folder + "/digits/train_lmdb"; }},
      {"data.test.batch_size", kApart, [](RunSpec& run) { run.data.test.batch_size = 15; }},
      {"data.test.data_seed", kApart, [](RunSpec& run) { run.data.test.data_seed = 7; }},
      {"data.test.synthetic_digits", kApart, [](RunSpec& run) { run.data.test.synthetic_digits = 50; }},
      {"data.test.lmdb", kApart, [=](RunSpec& run) { run.data.test.lmdb = folder + "/digits/test_lmdb"; }},
  };
}

std::vector<Change> changes_of_network(const std::string& folder) {
  const auto start_normalized = [=](RunSpec& run) {
    normalize(run);
    run.train.init_from = folder + "/normalized.h5";
  };
  return {
      {"network.name", kApart,
       [](RunSpec& run) {
         run.network[0].name = "first";
         run.network[1].input = {"first"};
       }},
      {"network.type", kApart, average},
      {"network.input", kApart, [](RunSpec& run) { run.network[6].input = {"fc1"}; }},
      {"network.out_channels", kApart, param(0, &Conv2dLayer::out_channels, 3)},
      {"network.kernel_size", kApart, param(0, &Conv2dLayer::kernel_size, 3)},
      {"network.stride", kApart, param(0, &Conv2dLayer::stride, 2)},
      {"network.padding", kApart, param(0, &Conv2dLayer::padding, 1)},
      {"network.dilation", kApart, param(0, &Conv2dLayer::dilation, {1, 2})},
      {"network.groups", kApart, param(2, &Conv2dLayer::groups, 2)},
      {"network.ceil_mode", kApart, param(1, &MaxPool2dLayer::ceil_mode, true)},
      {"network.count_include_pad", kApart, param(1, &AvgPool2dLayer::count_include_pad, true), average},
      {"network.out_features", kApart, param(4, &LinearLayer::out_features, 9)},
      {"network.eps", kApart, param(5, &BatchNorm2dLayer::eps, 0.5), normalize},
      {"network.momentum", kTogether, param(5, &BatchNorm2dLayer::momentum, 0.5), normalize},
      {"network.affine", kApart, param(5, &BatchNorm2dLayer::affine, false), normalize},
      {"network.frozen", kApart, param(5, &BatchNorm2dLayer::frozen, true), start_normalized},
      {"network.negative_slope", kApart, param(5, &LeakyReluLayer::negative_slope, 0.5), leak},
      {"network.bias", kApart, param(5, &ScaleLayer::bias, false), scale},
      {"network.shared", kApart, param(5, &PreluLayer::shared, true), parametrize},
      {"network.size", kApart, param(5, &LrnLayer::size, 3), respond},
      {"network.alpha", kApart, param(5, &LrnLayer::alpha, 2.0), respond},
      {"network.beta", kApart, param(5, &LrnLayer::beta, 0.5), respond},
      {"network.region", kApart, param(5, &LrnLayer::region, LrnRegion::kWithin), respond},
      {"network.k", kApart, param(5, &LrnLayer::k, 2.0), respond},
      {"network.p", kTogether, param(5, &DropoutLayer::p, 0.25), drop_out},
      {"network.coefficients", kApart, param(5, &AddLayer::coefficients, {1, -0.5}), add_to_itself},
      {"network.weight.lr_mult", kTogether, [](RunSpec& run) { run.network[0].weight.lr_mult = 3; }},
      {"network.weight.decay_mult", kTogether, [](RunSpec& run) { run.network[0].weight.decay_mult = 99; }},
      {"network.bias.lr_mult", kTogether, [](RunSpec& run) { run.network[0].bias.lr_mult = 3; }},
      {"network.bias.decay_mult", kTogether, [](RunSpec& run) { run.network[0].bias.decay_mult = 99; }},
  };
}

/// Below the layer's own `init`, or that of its weight or bias.
std::vector<Change> changes_of_init(const std::string& key, std::optional<InitSpec> LayerSpec::*blob) {
  const auto edit = [blob](const InitSpec& init) -> Edit { return [=](RunSpec& run) { run.network[0].*blob = init; }; };
  const InitSpec gaussian{.type = InitType::kGaussian, .value = 0.02};
  std::vector<Change> changes = {
      {"gaussian", kTogether, edit(gaussian)},
      {"mean", kTogether, edit({.type = InitType::kGaussian, .value = 0.02, .mean = 0.1}), edit(gaussian)},
      {"constant", kTogether, edit({.type = InitType::kConstant, .value = 0.02})},
      {"uniform", kTogether, edit({.type = InitType::kUniform, .value = -0.1, .high = 0.2})},
  };
  if (blob == &LayerSpec::init) {
    const InitSpec sparse{.type = InitType::kGaussian, .value = 0.02, .sparse = 1};
    changes.push_back({"sparse", kTogether, edit(sparse), edit(gaussian)});
    changes.push_back({"xavier", kTogether, edit({.type = InitType::kXavier, .fan = Fan::kOut})});
    changes.push_back({"he", kTogether, edit({.type = InitType::kHe, .fan = Fan::kAverage})});
  }
  for (Change& change : changes) change.key = key + "." + change.key;
  return changes;
}

std::vector<Change> changes_of_quantizer(const std::string& name, QuantSettings LayerSpec::*blob) {
  const auto with = [blob](const QuantSettings& quant) -> Edit {
    return [=](RunSpec& run) { run.network[0].*blob = quant; };
  };
  const auto edit = [blob](auto member, auto value) -> Edit {
    return [=](RunSpec& run) { run.network[0].*blob.*member = value; };
  };
  const Edit ulq = with({.method = AllQuantizers::find("ulq"), .bits = 3});
  const Edit ema = with({.method = AllQuantizers::find("clip"), .bits = 4, .range = Range::kEma});
  std::vector<Change> changes = {
      {"method", kTogether, with({.method = AllQuantizers::find("ternary"), .bits = 2}), ulq},
      {"method", kTogether, with({}), ulq},
      {"bits", kTogether, edit(&QuantSettings::bits, 5), ulq},
      {"gradient", kTogether, edit(&QuantSettings::gradient, Gradient::kSteClipped), ulq},
      {"lambda", kTogether, edit(&QuantSettings::lambda, Lambda::kPaper), ulq},
      {"range", kTogether, edit(&QuantSettings::range, Range::kBatch), ema},
      {"ema_momentum", kTogether, edit(&QuantSettings::ema_momentum, 0.5), ema},
  };
  if (name == "weight") changes.push_back({"per_channel", kTogether, edit(&QuantSettings::per_channel, true), ulq});
  for (Change& change : changes) change.key = "network.quantize." + name + "." + change.key;
  return changes;
}

std::vector<Change> changes_of_solver() {
  using enum SolverType;
  using enum LrPolicyType;
  return {
      {"solver.type", kTogether, solver(kAdam)},
      {"solver.type", kTogether, solver(kAdadelta)},
      {"solver.lr", kTogether, [](RunSpec& run) { run.solver.lr = 0.03; }},
      {"solver.momentum", kTogether, [](RunSpec& run) { run.solver.momentum = 0.5; }},
      {"solver.weight_decay", kTogether, [](RunSpec& run) { run.solver.weight_decay = 0.1; }},
      {"solver.regularization", kTogether, [](RunSpec& run) { run.solver.regularization = Regularization::kL1; },
       [](RunSpec& run) { run.solver.weight_decay = 0.1; }},
      {"solver.clip_gradients", kTogether, [](RunSpec& run) { run.solver.clip_gradients = 0.1; }},
      {"solver.beta1", kTogether, [](RunSpec& run) { run.solver.beta1 = 0.5; }, solver(kAdam)},
      {"solver.beta2", kTogether, [](RunSpec& run) { run.solver.beta2 = 0.5; }, solver(kAdam)},
      {"solver.epsilon", kTogether, [](RunSpec& run) { run.solver.epsilon = 0.1; }, solver(kAdagrad)},
      {"solver.decay", kTogether, [](RunSpec& run) { run.solver.decay = 0.5; }, solver(kRmsprop)},
      {"solver.lr_policy.type", kTogether, policy(kExp)},
      {"solver.lr_policy.gamma", kTogether, [](RunSpec& run) { run.solver.lr_policy.gamma = 0.1; }, policy(kStep)},
      {"solver.lr_policy.power", kTogether, [](RunSpec& run) { run.solver.lr_policy.power = 3; }, policy(kPoly)},
      {"solver.lr_policy.step_size", kTogether, [](RunSpec& run) { run.solver.lr_policy.step_size = 2; },
       policy(kStep)},
      {"solver.lr_policy.steps", kTogether,
       [](RunSpec& run) {
         run.solver.lr_policy.steps = {2, 6};
       },
       policy(kMultistep)},
      {"solver.lr_policy.warmup_iterations", kTogether,
       [](RunSpec& run) { run.solver.lr_policy.warmup_iterations = 4; }},
  };
}

std::vector<Change> changes_of_training(const std::string& folder) {
  return {
      {"name", kTogether, [](RunSpec& run) { run.name = "other"; }},
      {"seed", kTogether, [](RunSpec& run) { run.seed = 3; }},
      {"engine", kApart, [](RunSpec& run) { run.engine = EngineChoice::kCpu; }},
      {"products", kApart, [](RunSpec& run) { run.products = Products::kOwn; }},
      {"precision", kApart, [](RunSpec& run) { run.precision = Precision::kTf32; }},
      {"loss.label_smoothing", kTogether, [](RunSpec& run) { run.loss.label_smoothing = 0.1; }},
      {"metrics.top_k", kApart,
       [](RunSpec& run) {
         run.metrics.top_k = {1, 3};
       }},
      {"train.accumulate", kApart, [](RunSpec& run) { run.train.accumulate = 2; }},
      {"train.epochs", kApart, [](RunSpec& run) { run.train.epochs = 3; }},
      {"train.iterations_per_epoch", kApart, [](RunSpec& run) { run.train.iterations_per_epoch = 4; }},
      {"train.test_every", kApart, [](RunSpec& run) { run.train.test_every = 3; }},
      {"train.test_first", kApart, [](RunSpec& run) { run.train.test_first = true; }},
      {"train.log_every", kApart, [](RunSpec& run) { run.train.log_every = 2; }},
      {"train.checkpoint_every", kApart, [](RunSpec& run) { run.train.checkpoint_every = 1; }},
      {"train.keep", kTogether, [](RunSpec& run) { run.train.keep = Keep::kBest; }},
      {"train.keep", kTogether, [](RunSpec& run) { run.train.keep = Keep::kAll; }},
      {"train.init_from", kTogether, [=](RunSpec& run) { run.train.init_from = folder + "/first.h5"; }},
      {"output.dir", kTogether, [](RunSpec& run) { run.output.dir = "elsewhere"; }},
      {"output.activation_samples", kApart, [](RunSpec& run) { run.output.activation_samples = 5; }},
  };
}

/// What files have beside the keys of a run, what a sweep has once, and what only one value may be given for.
bool is_of_no_run(const std::string& key) {
  static const std::set<std::string> kKeys = {"base",
                                              "set",
                                              "vars",
                                              "quantize",
                                              "loss.type",
                                              "network.bias.init.sparse",
                                              "network.bias.init.xavier",
                                              "network.bias.init.he",
                                              "data.test.shuffle",
                                              "network.quantize.bias.per_channel",
                                              "network.quantize.activation.per_channel"};
  return key.starts_with("sweep.") || key.starts_with("cluster.") || kKeys.contains(key);
}

/// Keys below this part of a schema that have no keys below them; false where there are none.
bool collect_keys(const nlohmann::json& all, const nlohmann::json& part, const std::string& path,
                  std::set<std::string>& keys) {
  if (part.contains("$ref")) {
    const std::string name = part["$ref"].get<std::string>().substr(std::string("#/$defs/").size());
    return collect_keys(all, all["$defs"][name], path, keys);
  }
  bool found = part.contains("items") && collect_keys(all, part["items"], path, keys);
  if (part.contains("anyOf")) {
    for (const nlohmann::json& choice : part["anyOf"]) found = collect_keys(all, choice, path, keys) || found;
  }
  if (!part.contains("properties")) return found;
  for (const auto& [name, below] : part["properties"].items()) {
    const std::string key = path.empty() ? name : path + "." + name;
    if (!collect_keys(all, below, key, keys)) keys.insert(key);
    found = true;
  }
  return found;
}

class PacksTest : public TrainPack {
 protected:
  PacksTest() {
    import_synthetic_digits(folder_ + "/digits", 100, 60, 3);
    const Shape shape{1, kDigitSize, kDigitSize};
    write_mean_image(folder_ + "/mean.binaryproto",
                     {shape, std::vector<float>(static_cast<std::size_t>(shape.size()), 9)});
    static_cast<void>(train_alone(small(11)));
    fs::rename(outcome_.path, folder_ + "/first.h5");
    RunSpec normalized = small(11);
    normalize(normalized);
    static_cast<void>(train_alone(normalized));
    fs::rename(outcome_.path, folder_ + "/normalized.h5");
    for (const auto& some :
         {changes_of_data(folder_), changes_of_network(folder_), changes_of_solver(),
          changes_of_init("network.init", &LayerSpec::init), changes_of_init("network.weight.init", &LayerSpec::init),
          changes_of_init("network.bias.init", &LayerSpec::bias_init),
          changes_of_quantizer("weight", &LayerSpec::weight_quant),
          changes_of_quantizer("bias", &LayerSpec::bias_quant),
          changes_of_quantizer("activation", &LayerSpec::activation_quant), changes_of_training(folder_)})
      changes_.insert(changes_.end(), some.begin(), some.end());
  }

  /// The smoke test's network with few channels, for ten iterations.
  static RunSpec small(std::uint64_t seed) {
    RunSpec run = spec({});
    run.seed = seed;
    run.data.train.synthetic_digits = 100;
    run.data.test.synthetic_digits = 60;
    run.train.epochs = 2;
    run.train.iterations_per_epoch = 5;
    run.train.checkpoint_every = 2;
    std::get<Conv2dLayer>(run.network[0].params).out_channels = 2;
    std::get<Conv2dLayer>(run.network[2].params).out_channels = 4;
    std::get<LinearLayer>(run.network[4].params).out_features = 8;
    run.output.activation_samples = 3;
    return run;
  }
  RunRecord train_alone(const RunSpec& run) {
    const std::atomic<bool> go_on{false};
    return train(run, go_on);
  }
  std::vector<RunRecord> train_packed(const std::vector<RunSpec>& runs) {
    const std::atomic<bool> go_on{false};
    std::vector<RunRecord> records(runs.size());
    const SweepPlan plan(runs, {.pack = 2}, "");
    for (const std::vector<std::size_t>& pack : plan.packs({.pack = 2})) {
      std::vector<PackRun> together;
      for (const std::size_t i : pack) together.push_back({runs[i], {}});
      const std::vector<RunOutcome> outcomes = train(together, go_on);
      for (std::size_t k = 0; k < pack.size(); ++k) records[pack[k]] = read_run(outcomes[k].path, ReadDepth::kAll);
    }
    return records;
  }

  std::vector<Change> changes_;
};

void expect_equal(const RunRecord& a, const RunRecord& b, const std::string& what) {
  EXPECT_EQ(a.status, b.status) << what;
  EXPECT_EQ(a.config, b.config) << what;
  EXPECT_EQ(a.labels, b.labels) << what;
  EXPECT_EQ(a.predictions, b.predictions) << what;
  EXPECT_EQ(column(a.train, &TrainPoint::loss), column(b.train, &TrainPoint::loss)) << what;
  EXPECT_EQ(column(a.train, &TrainPoint::iteration), column(b.train, &TrainPoint::iteration)) << what;
  EXPECT_EQ(column(a.train, &TrainPoint::lr), column(b.train, &TrainPoint::lr)) << what;
  EXPECT_EQ(column(a.test, &TestPoint::iteration), column(b.test, &TestPoint::iteration)) << what;
  EXPECT_EQ(column(a.test, &TestPoint::loss), column(b.test, &TestPoint::loss)) << what;
  EXPECT_EQ(column(a.iterations, &IterationPoint::loss), column(b.iterations, &IterationPoint::loss)) << what;
  ASSERT_EQ(a.weights.size(), b.weights.size()) << what;
  for (std::size_t i = 0; i < a.weights.size(); ++i) {
    EXPECT_EQ(a.weights[i].master, b.weights[i].master) << what << ": " << to_string(a.weights[i].address);
    EXPECT_EQ(a.weights[i].quantized.codes, b.weights[i].quantized.codes)
        << what << ": " << to_string(a.weights[i].address);
  }
  ASSERT_EQ(a.statistics.size(), b.statistics.size()) << what;
  for (std::size_t i = 0; i < a.statistics.size(); ++i) {
    EXPECT_EQ(a.statistics[i].mean, b.statistics[i].mean) << what;
    EXPECT_EQ(a.statistics[i].variance, b.statistics[i].variance) << what;
    EXPECT_EQ(a.statistics[i].count, b.statistics[i].count) << what;
  }
  ASSERT_EQ(a.activations.size(), b.activations.size()) << what;
  for (std::size_t i = 0; i < a.activations.size(); ++i) {
    EXPECT_EQ(a.activations[i].quantized.codes, b.activations[i].quantized.codes) << what;
    EXPECT_EQ(a.activations[i].range, b.activations[i].range) << what;
  }
}

TEST_F(PacksTest, EachKeyIsTheRunsOwn) {
  const RunRecord unchanged = train_alone(small(1));
  for (const Change& change : changes_) {
    SCOPED_TRACE(change.key);
    std::vector<RunSpec> runs = {small(1), small(2)};
    for (RunSpec& run : runs) {
      if (change.both) change.both(run);
    }
    change.change(runs[1]);
    EXPECT_EQ(pack_key(runs[0]) == pack_key(runs[1]), change.together);
    const std::vector<RunRecord> alone = {change.both ? train_alone(runs[0]) : unchanged, train_alone(runs[1])};
    for (const std::size_t first : {0, 1}) {
      const std::vector<RunRecord> packed = train_packed({runs[first], runs[1 - first]});
      expect_equal(packed[0], alone[first], "first");
      expect_equal(packed[1], alone[1 - first], "second");
    }
  }
}

TEST_F(PacksTest, TheTableOfThisTestHasEveryKeyOfTheFormat) {
  std::set<std::string> keys;
  const auto schema = nlohmann::json::parse(config_schema());
  collect_keys(schema, schema, "", keys);
  EXPECT_TRUE(keys.contains("train.epochs"));
  keys.insert({"data.mean", "network.bias"});  // a number, and true or false, too
  std::erase_if(keys, is_of_no_run);
  std::set<std::string> tried;
  for (const Change& change : changes_) tried.insert(change.key);
  EXPECT_EQ(keys, tried);
}

TEST_F(PacksTest, AMistakeInARunsDataIsFoundWhateverItsNeighbours) {
  std::vector<RunSpec> runs = {small(1), small(2)};
  runs[0].data.mean = {3};
  runs[1].data.mean = {3, 4};
  EXPECT_THAT([&] { SweepPlan(runs, {}, ""); },
              testing::ThrowsMessage<ConfigError>(testing::HasSubstr("2 values for images of 1 channels")));
}

}  // namespace
}  // namespace qrun
