// The resolved run: canonical text, hash, id.
#include <cstdlib>

#include "config/fields/init.h"
#include "config/yaml/scalars.h"
#include "support.h"

namespace qrun::test {
namespace {

/// A run in which nothing has its default.
const std::string kEverything = R"(
name: every.thing-1
seed: 18446744073709551615
engine: check
data:
  train: {lmdb: "some path/with \"signs\": #1", batch_size: 7, shuffle: true}
  test: {synthetic_digits: 50, batch_size: 10, data_seed: 3}
  scale: -0.1
  mean: [104, 117.25, 1.0e-7]
  crop: 20
  mirror: true
  pad: 2
network:
  - name: conv1
    type: conv2d
    out_channels: 4
    kernel_size: [5, 3]
    stride: 2
    padding: [1, 0]
    dilation: [1, 2]
    groups: 1
    init: {gaussian: 0.01}
    weight: {lr_mult: 2, decay_mult: 0.5}
    bias: {lr_mult: 3, decay_mult: 0, init: {gaussian: 0.5, mean: 0.25}}
    quantize:
      weight: {method: ULQ, bits: 3, per_channel: true, gradient: ste_clipped, lambda: optimal}
      bias: {method: ternary}
      activation: {method: clip, bits: 8, range: ema, ema_momentum: 0.75}
  - {name: pool1, type: avg_pool2d, kernel_size: [3, 2], stride: 2, padding: 1, ceil_mode: true, count_include_pad: true,
     quantize: {activation: {method: clip, bits: 4, range: 2.5}}}
  - {name: fc1, type: linear, out_features: 8, bias: false, init: {constant: -0.5},
     quantize: {weight: {method: Ternary_Quantize, bits: 8}}}
  - {name: "2", type: relu}
  - {name: score, type: linear, out_features: 10, init: he, quantize: {bias: {method: Quantize, bits: 8}}}
loss: {type: softmax_cross_entropy, label_smoothing: 0.1}
metrics: {top_k: [5, 1]}
solver: {type: rmsprop, lr: 0.3333333333333333, weight_decay: 5.0e-4, regularization: l1, clip_gradients: 3.5, epsilon: 1.0e-7, decay: 0.9,
         lr_policy: {type: multistep, gamma: 0.1, steps: [5, 9], warmup_iterations: 3}}
train: {epochs: 3, accumulate: 2, iterations_per_epoch: 4, test_every: 5, test_first: true, log_every: 1, checkpoint_every: 2, keep: best,
        init_from: "runs/a b.h5"}
output: {dir: "null", activation_samples: 0}
cluster: {partition: p, time: "02:00:00", cpus: 16, gpus: 1, memory: 8G, pack: 8, max_parallel: 16,
          options: ["--account=x", "true", "tab\there"]}
)";

const std::vector<std::string> kConfigs = {"lenet_base", "lenet_2bit", "lenet_float", "lenet_2bit_synthetic", "smoke"};

RunSpec shipped(const std::string& name) {
  return read_config(std::string(QRUN_SOURCE_DIR) + "/configs/" + name + ".yaml", {}).runs.at(0);
}

void expect_reads_back(const RunSpec& run) {
  const RunSpec back = read_run_text(run.text(), "stored");
  EXPECT_EQ(back.text(), run.text());
  EXPECT_EQ(back.hash(), run.hash());
  EXPECT_EQ(back.seed, run.seed);
  EXPECT_EQ(back.solver, run.solver);
  ASSERT_EQ(back.network.size(), run.network.size());
  for (std::size_t i = 0; i < run.network.size(); ++i) {
    EXPECT_EQ(back.network[i].name, run.network[i].name);
    EXPECT_EQ(back.network[i].params, run.network[i].params);
    EXPECT_EQ(back.network[i].input, run.network[i].input);
    for (const config::Blob blob : {config::Blob::kWeight, config::Blob::kBias})
      EXPECT_EQ(config::init_of(back.network[i], blob), config::init_of(run.network[i], blob));
    EXPECT_EQ(back.network[i].weight, run.network[i].weight);
    EXPECT_EQ(back.network[i].bias, run.network[i].bias);
    EXPECT_EQ(back.network[i].weight_quant, run.network[i].weight_quant);
    EXPECT_EQ(back.network[i].bias_quant, run.network[i].bias_quant);
    EXPECT_EQ(back.network[i].activation_quant, run.network[i].activation_quant);
  }
}

TEST(Canonical, ReadsBackToTheSameBytes) {
  expect_reads_back(read(kSmall));
  expect_reads_back(read(kEverything));
  for (const std::string& name : kConfigs) expect_reads_back(shipped(name));
}

TEST(Canonical, KeepsEveryValue) {
  const RunSpec run = read_run_text(read(kEverything).text(), "stored");
  EXPECT_EQ(run.name, "every.thing-1");
  EXPECT_EQ(run.engine, EngineChoice::kCheck);
  EXPECT_EQ(run.data.train.lmdb, "some path/with \"signs\": #1");
  EXPECT_TRUE(run.data.train.shuffle);
  EXPECT_EQ(run.data.test.data_seed, 3U);
  EXPECT_EQ(run.data.scale, -0.1);
  EXPECT_EQ(run.data.mean, (std::vector<double>{104, 117.25, 1e-7}));
  EXPECT_EQ(run.data.crop, 20);
  EXPECT_TRUE(run.data.mirror);
  EXPECT_EQ(run.data.pad, 2);
  EXPECT_EQ(run.loss.label_smoothing, 0.1);
  EXPECT_EQ(run.metrics.top_k, (std::vector<std::int64_t>{1, 5}));
  EXPECT_EQ(run.train.accumulate, 2);
  EXPECT_EQ(run.train.keep, Keep::kBest);
  EXPECT_EQ(run.train.init_from, "runs/a b.h5");
  EXPECT_EQ(run.output.dir, "null");
  EXPECT_EQ(run.output.activation_samples, 0);
  ASSERT_TRUE(run.cluster.has_value());
  EXPECT_EQ(run.cluster->time, "02:00:00");
  EXPECT_EQ(run.cluster->options, (std::vector<std::string>{"--account=x", "true", "tab\there"}));
}

/// All that a run is, in the order that files keep.
const char* const kSmallText = R"(name: a
seed: 831486
engine: auto
precision: fp32
products: auto
data:
  train: {lmdb: null, synthetic_digits: 100, data_seed: 1, batch_size: 10, shuffle: false}
  test: {lmdb: null, synthetic_digits: 50, data_seed: 1, batch_size: 10}
  scale: 1
  mean: null
  crop: null
  mirror: false
  pad: 0
network:
  - name: conv1
    type: conv2d
    input: [data]
    out_channels: 4
    kernel_size: 5
    stride: 1
    padding: 0
    dilation: 1
    groups: 1
    init: xavier
    weight: {lr_mult: 1, decay_mult: 1}
    bias:
      lr_mult: 1
      decay_mult: 1
      init: {constant: 0}
    quantize: {weight: none, bias: none, activation: none}
  - name: relu1
    type: relu
    input: [conv1]
    quantize: {activation: none}
  - name: score
    type: linear
    input: [relu1]
    out_features: 10
    init: xavier
    weight: {lr_mult: 1, decay_mult: 1}
    bias:
      lr_mult: 1
      decay_mult: 1
      init: {constant: 0}
    quantize: {weight: none, bias: none, activation: none}
loss: softmax_cross_entropy
metrics:
  top_k: [1]
solver:
  type: sgd
  lr: 0.01
  momentum: 0
  weight_decay: 0
  regularization: l2
  clip_gradients: null
  lr_policy: {type: fixed, warmup_iterations: 0}
train:
  epochs: 1
  accumulate: 1
  iterations_per_epoch: null
  test_every: null
  test_first: false
  log_every: null
  checkpoint_every: 1
  keep: last
  init_from: null
output:
  dir: results
  activation_samples: 64
cluster: null
)";

TEST(Canonical, TextIsStable) { EXPECT_EQ(read(kSmall).text(), kSmallText); }

TEST(Canonical, NumbersAndTextsAreThoseOfYaml11Too) {
  const std::string config =
      with(with("lr: 0.01", "lr: 1e-5, weight_decay: 2.5e-7, momentum: 1.0e-300"), "name: relu1", "name: \"on\"") +
      "output: {dir: \"Yes\"}\n";
  const RunSpec run = read(with(config, "synthetic_digits: 100", "lmdb: \"n\""), {"data.scale=1e20"});
  const std::string text = run.text();
  for (const std::string line :
       {"  lr: 1.0e-05\n", "  weight_decay: 2.5e-07\n", "  momentum: 1.0e-300\n", "  scale: 1.0e+20\n",
        "  - name: \"on\"\n", "    input: [\"on\"]\n", "{lmdb: \"n\", ", "  dir: \"Yes\"\n", "  - name: conv1\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  expect_reads_back(run);
  EXPECT_EQ(run.hash(), "30099d71eb15") << "as the first release had it";
}

TEST(Canonical, NumbersHaveAPointAndASignedExponent) {
  for (const auto& [number, portable] : std::vector<std::pair<std::string, std::string>>{{"1e-05", "1.0e-05"},
                                                                                         {"-1e-05", "-1.0e-05"},
                                                                                         {"1e+20", "1.0e+20"},
                                                                                         {"1e5", "1.0e+5"},
                                                                                         {"1.5e-7", "1.5e-7"},
                                                                                         {"0.1", "0.1"},
                                                                                         {"3", "3"},
                                                                                         {"0x1e5", "0x1e5"},
                                                                                         {"true", "true"},
                                                                                         {"1e", "1e"},
                                                                                         {"", ""}})
    EXPECT_EQ(config::portable_number(number), portable);
}

TEST(Canonical, AReferenceInAValueIsNotFilledInAgain) {
  ASSERT_EQ(setenv("QRUN_TEST_TEXT", "${w}", 1), 0);
  const RunSpec run = read(kSmall + "output: {dir: \"${env:QRUN_TEST_TEXT}\"}\n");
  EXPECT_EQ(run.output.dir, "${w}");
  expect_reads_back(run);
}

TEST(Canonical, StoredTextIsReadStrictly) {
  const auto lines = [](const std::string& text) {
    try {
      (void)read_run_text(text, "stored");
    } catch (const ConfigError& error) {
      return error.lines();
    }
    return Lines{};
  };
  const std::string text = read(kSmall).text();
  EXPECT_EQ(lines(text), Lines{});
  EXPECT_EQ(lines(with(text, "epochs: 1\n", "epochs: none\n")),
            Lines{"stored:58:11: train.epochs: none is not an integer; write one in decimal or 0x"});
  EXPECT_EQ(lines(text + "vars: {a: 1}\n").size(), 1U);
}

TEST(Canonical, TheHashIgnoresWhatDoesNotDefineTheRun) {
  const std::string hash = read(kSmall).hash();
  EXPECT_EQ(hash.size(), 12U);
  EXPECT_EQ(hash.find_first_not_of("0123456789abcdef"), std::string::npos) << hash;
  for (const std::string same :
       {"name: other\n", "engine: cpu\n", "output: {dir: x}\n", "cluster: {cpus: 3}\n", "vars: {a: 1}\n",
        "quantize: {'*': none}\n", "precision: fp32\n", "products: cudnn\n"}) {
    EXPECT_EQ(read(kSmall + same).hash(), hash) << same;
  }
  for (const std::string other :
       {"seed: 1", "precision: tf32", "solver.lr=0.02", "train.epochs=2", "network.conv1.bias=false"}) {
    const bool is_override = other.find('=') != std::string::npos;
    const RunSpec run = is_override ? read(kSmall, {other}) : read(kSmall + other + "\n");
    EXPECT_NE(run.hash(), hash) << other;
  }
}

TEST(Canonical, TheIdShowsWhatIsSwept) {
  RunSpec run = read(kSmall);
  EXPECT_EQ(run.id(), "run-" + run.hash());
  run.swept = {{"vars.t", "\"\u00e9 \u00fc/x\""}};
  EXPECT_EQ(run.id(), "t=____x-" + run.hash()) << "one for each character, and none for the quotes";
  run.swept = {{"vars.w_bits", "2"}, {"seed", "1"}, {"solver.lr", "1.0e-4"}};
  EXPECT_EQ(run.id(), "w_bits=2,seed=1,lr=1.0e-4-" + run.hash());
  run.swept = {{"network.conv*.quantize.weight.bits", "2"}, {"network.fc1.quantize.weight.bits", "4"}};
  EXPECT_EQ(run.id(), "network.conv_.quantize.weight.bits=2,network.fc1.quantize.weight.bits=4-" + run.hash());
  run.swept = {{"data.train.lmdb", "a/b {c}" + std::string(100, 'x')}};
  EXPECT_EQ(run.id(), "lmdb=a_b__c_" + std::string(68, 'x') + "-" + run.hash());
}

TEST(Canonical, ASweepOfOneRunCarriesNameAndOutput) {
  const Sweep sweep = read_config(std::string(QRUN_SOURCE_DIR) + "/configs/smoke.yaml", {"output.dir=elsewhere"});
  EXPECT_EQ(sweep.name, "smoke");
  EXPECT_EQ(sweep.output.dir, "elsewhere");
  EXPECT_EQ(sweep.runs.size(), 1U);
}

}  // namespace
}  // namespace qrun::test
