// KEY=VALUE on the command line, and sweeps, which are refused for now.
#include "support.h"

namespace qrun::test {
namespace {

const std::string kQuantized =
    with("kernel_size: 5}", "kernel_size: 5, quantize: {weight: {method: ulq, bits: 2}, activation: none}}") +
    "vars: {w_bits: 2}\n";

Lines on_command_line(const std::string& override, const std::string& rest) {
  return {"command line: " + override + ": " + rest};
}

TEST(Overrides, ReplaceValues) {
  const RunSpec run = read(kQuantized, {"solver.lr=0.25", "seed=0x10", "output.dir=\"some, where\""});
  EXPECT_EQ(run.solver.lr, 0.25);
  EXPECT_EQ(run.seed, 16U);
  EXPECT_EQ(run.output.dir, "some, where");
}

TEST(Overrides, ReachDefaultsThatTheFileLeavesOut) {
  const RunSpec run = read(kQuantized, {"solver.lr_policy.type=exp", "solver.lr_policy.gamma=0.9", "cluster.cpus=4"});
  EXPECT_EQ(run.solver.lr_policy.type, LrPolicyType::kExp);
  EXPECT_EQ(run.solver.lr_policy.gamma, 0.9);
  ASSERT_TRUE(run.cluster.has_value());
  EXPECT_EQ(run.cluster->cpus, 4);
}

TEST(Overrides, AddressLayersByNameAndPattern) {
  EXPECT_EQ(read(kQuantized, {"network.conv1.quantize.weight.bits=4"}).network[0].weight_quant.bits, 4);
  EXPECT_EQ(read(kQuantized, {"network.c*.quantize.weight.bits=4"}).network[0].weight_quant.bits, 4);
  EXPECT_EQ(read(kQuantized, {"network.*.quantize.weight.bits=4"}).network[0].weight_quant.bits, 4)
      << "goes to the layers that have such a quantizer";
  const RunSpec run = read(kQuantized, {"network.*.quantize.activation={method: clip, bits: 8}"});
  EXPECT_EQ(run.network[0].activation_quant.bits, 8);
  EXPECT_EQ(run.network[1].activation_quant, QuantSettings{}) << "has no quantize to put it in";
}

TEST(Overrides, ValuesAreYaml) {
  const RunSpec run = read(kQuantized, {"data.mean=[1, 2.5]", "network.conv1.quantize=none", "train.test_every=null"});
  EXPECT_EQ(run.data.mean, (std::vector<double>{1, 2.5}));
  EXPECT_EQ(run.network[0].weight_quant, QuantSettings{});
  EXPECT_EQ(run.train.test_every, std::nullopt);
}

TEST(Overrides, MistakesNameTheOverride) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"solver.lr=-1", "solver.lr: -1 is outside (0, inf)"},
      {"solver.lrr=1", "solver.lrr: unknown key; did you mean lr?"},
      {"solvr.lr=1", "solvr: unknown key; did you mean solver?"},
      {"vars.w_bit=1", "vars.w_bit: w_bit is not a variable of the file; did you mean w_bits?"},
      {"vars={w_bits: 1}", "vars: is the map of all variables; name one, such as vars.w_bits"},
      {"network.cnv1.stride=2", "network.cnv1.stride: no layer is called cnv1; did you mean conv1?"},
      {"network.pool*.stride=2", "network.pool*.stride: no layer is called pool*; one of conv1, relu1, score"},
      {"network.conv*.quantize.weight.bits=40", "network.conv1.quantize.weight.bits: 40 is outside [1, 16] for ulq"},
      {"network.conv1.quantize.activation.bits=4",
       "network.conv1.quantize.activation.bits: network.conv1.quantize.activation is none here; set "
       "network.conv1.quantize.activation as a whole"},
      {"network.score.quantize.weight.bits=4",
       "network.score.quantize.weight.method: is missing; how values become codes"},
      {"seed.x=1", "seed: is a map; an integer is wanted"},
      {"solver.lr.x=1", "solver.lr.x: solver.lr is 0.01 here; set solver.lr as a whole"},
      {"solver..lr=1", "solver..lr: is not an address; write names with dots between them, such as solver.lr"},
      {"base=b.yaml", "base: can only be given in a file; name the file that has it"},
      {"solver.lr", "solver.lr: is not an override; write KEY=VALUE"},
      {"=3", "=3: is not an override; write KEY=VALUE"},
      {"data.mean=[1", "data.mean: the value is not YAML; check its brackets and quotes"},
      {"data.train={batch_size: 1, batch_size: 2}", "data.train: the value has a key twice; keep one"},
      {"seed=010", "seed: 010 has a leading zero; write a decimal integer without it, or 0x"},
      {"seed=", "seed: is empty; an integer is wanted"},
      {"solver.lr=${nothing}", "solver.lr: ${nothing} is not defined; only w_bits is known"},
  };
  for (const auto& [override, line] : cases)
    EXPECT_EQ(mistakes(kQuantized, {override}), on_command_line(override, line));
}

TEST(Overrides, AMapReplacesTheSectionThatItNames) {
  const std::string text = with(kQuantized, "lr: 0.01", "lr: 0.01, momentum: 0.9");
  EXPECT_EQ(read(text, {"solver={lr: 0.5}"}).solver.momentum, 0.0);
  EXPECT_EQ(read(text, {"solver={lr: 0.5}", "solver.momentum=0.7"}).solver.momentum, 0.7);
}

TEST(Overrides, GiveNothingTwice) {
  const std::vector<std::pair<Lines, std::string>> cases = {
      {{"solver.lr=0.1", "solver.lr=0.2"}, "solver.lr"},
      {{"solver.lr=0.1", "solver.lr=0.1"}, "solver.lr"},
      {{"solver.lr=0.1", "solver={lr: 0.2}"}, "solver.lr"},
      {{"solver={lr: 0.1}", "solver.lr=0.2"}, "solver.lr"},
      {{"solver.momentum=0.5", "solver={lr: 0.2}"}, "solver.momentum"},
      {{"seed=1", "seed=2,3"}, "seed"},
      {{"seed=1,2", "seed=3"}, "seed"},
      {{"seed=1,2", "seed=3,4"}, "seed"},
      {{"sweep.grid={seed: [1, 2]}", "seed=3"}, "sweep.grid.seed"},
      {{"sweep={grid: {seed: [1, 2]}}", "seed=3,4"}, "sweep.grid.seed"},
      {{"sweep.grid.seed=[1, 2]", "seed=3"}, "sweep.grid.seed"},
      {{"sweep.grid={solver: [{lr: 0.1}]}", "solver={lr: 0.5}"}, "sweep.grid.solver"},
      {{"sweep={seeds: 2}", "sweep.seeds=3"}, "sweep.seeds"},
      {{"solver={lr: 0.1},{lr: 0.2}", "solver.lr=3"}, "solver.lr"},
      {{"vars.w_bits=1", "vars.w_bits=2"}, "vars.w_bits"},
  };
  for (const auto& [overrides, address] : cases) {
    EXPECT_EQ(mistakes(kQuantized, overrides),
              on_command_line(overrides[1],
                              address + ": is given twice, first by command line: " + overrides[0] + "; keep one"));
  }
  EXPECT_EQ(mistakes(kQuantized, {"solver={lr: 0.1}", "solver.momentum=0.2", "vars.w_bits=2"}), Lines{});
  EXPECT_EQ(mistakes(kQuantized, {"solver.momentum=0.5", "solver={lr: 0.1},{lr: 0.2}"}), Lines{}) << "an axis merges";
  EXPECT_EQ(mistakes(kQuantized, {"sweep=null", "seed=1,2"}), Lines{});
}

/// Two convolutions, conv1 and conv2.
std::string two_layers(const std::string& more) {
  const std::string conv1 = "  - {name: conv1, type: conv2d, out_channels: 4, kernel_size: 5}\n";
  return with(conv1, conv1 + with(conv1, "conv1", "conv2")) + more;
}

TEST(Overrides, OfAPatternMayLeaveNothingOfOneBefore) {
  const std::string text = two_layers("");
  const std::vector<std::pair<Lines, std::string>> cases = {
      {{"network.conv1.out_channels=3", "network.conv*.out_channels=4"}, "network.conv1.out_channels"},
      {{"network.conv?.out_channels=5", "network.c*.out_channels=4"}, "network.conv?.out_channels"},
      {{"network.c*.out_channels=5", "network.conv?.out_channels=4"}, "network.c*.out_channels"},
      {{"network.conv1={name: conv1, type: conv2d, out_channels: 3, kernel_size: 3}", "network.c*.kernel_size=4"},
       "network.conv1.kernel_size"},
      {{"network.conv1.quantize.weight={method: ulq, bits: 2}", "network.conv*.quantize=none"},
       "network.conv1.quantize.weight.bits"},
      {{"network.conv1.out_channels=3,4", "network.conv*.out_channels=5,6"}, "network.conv1.out_channels"},
  };
  for (const auto& [overrides, address] : cases) {
    EXPECT_EQ(mistakes(text, overrides),
              on_command_line(overrides[1],
                              address + ": is given twice, first by command line: " + overrides[0] + "; keep one"));
  }
  const RunSpec run = read(text, {"network.conv*.out_channels=6", "network.conv1.out_channels=3"});
  EXPECT_EQ(std::get<Conv2dLayer>(run.network[0].params).out_channels, 3) << "an exception of the general one";
  EXPECT_EQ(std::get<Conv2dLayer>(run.network[1].params).out_channels, 6);
  EXPECT_EQ(mistakes(text, {"network.conv1.out_channels=3", "network.conv*.kernel_size=4"}), Lines{});
  EXPECT_EQ(mistakes(text, {"network.conv1.out_channels=3,4", "network.conv*.out_channels=5"}), Lines{})
      << "axes come behind single values";
}

TEST(Overrides, OfAPatternThatTheSweepReplacesAreMistakes) {
  const std::string swept =
      two_layers("sweep: {grid: {network.conv1.out_channels: [3], network.conv2.out_channels: [4, 5]}}\n");
  const std::string override = "network.conv*.out_channels=6";
  EXPECT_EQ(mistakes(swept, {override}),
            on_command_line(override,
                            "network.conv*.out_channels: is set by sweep.grid at a.yaml:11:16, too; change it there"));
  EXPECT_EQ(
      mistakes(two_layers("sweep: {grid: {\"network.conv?.out_channels\": [3, 5]}}\n"), {"network.c*.out_channels=6"}),
      on_command_line("network.c*.out_channels=6",
                      "network.c*.out_channels: is set by sweep.grid at a.yaml:11:16, too; change it there"));
  EXPECT_EQ(mistakes(two_layers("sweep: {grid: {network.conv1.out_channels: [3, 5]}}\n"), {override}), Lines{});
}

TEST(Overrides, OfTheSweepComeFirstWhereverTheyStand) {
  Files files;
  files.write("a.yaml", kQuantized + "sweep: {grid: {seed: [1, 2]}}\n");
  for (const Lines& overrides : {Lines{"seed=5", "sweep=null"}, Lines{"sweep=null", "seed=5"}}) {
    EXPECT_FALSE(files.sweep("a.yaml", overrides).is_sweep);
    EXPECT_EQ(files.read("a.yaml", overrides).seed, 5U);
  }
}

TEST(Overrides, WhatHydraWritesIsExplained) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"+seed=3", "+seed: a key that the file leaves out needs no +; write seed=3"},
      {"++solver.lr=3", "++solver.lr: a key that the file leaves out needs no +; write solver.lr=3"},
      {"~seed", "~seed: nothing is deleted from a file; give seed another value, or leave it out of the file"},
      {"~solver.lr=3",
       "~solver.lr: nothing is deleted from a file; give solver.lr another value, or leave it out of the file"},
  };
  for (const auto& [override, line] : cases)
    EXPECT_EQ(mistakes(kQuantized, {override}), on_command_line(override, line));
}

TEST(Overrides, AVariableBetweenBracketsStandsInQuotes) {
  const std::string override = "sweep.grid={seed: [${w_bits}]}";
  EXPECT_EQ(mistakes(kQuantized, {override}),
            on_command_line(override, "sweep.grid: a variable between brackets stands in quotes; write \"${w_bits}\""));
}

TEST(Overrides, AbsurdOnesAreRefusedInAFewWords) {
  std::string address = "a";
  for (int i = 0; i < 20000; ++i) address += ".a";
  for (const std::string& override :
       {address + "=1", "seed=" + std::string(100000, '['), "seed=" + std::string(100000, 'x'),
        std::string(100000, 'x') + "=1", std::string("name=\xff")}) {
    const Lines lines = mistakes(kQuantized, {override});
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_LT(lines[0].size(), 1500U);
    EXPECT_EQ(lines[0].find("command line: " + override.substr(0, 5)), 0U) << lines[0];
  }
  EXPECT_EQ(mistakes(kQuantized, {"name=a\nb"}),
            Lines{"command line: name=a\\nb: name: a b is not a name; use up to 100 letters, digits, _, . and -, not "
                  "starting with a dot"})
      << "YAML folds the line break";
}

TEST(Overrides, EachMistakeHasItsOwnLineInTheOrderGiven) {
  EXPECT_EQ(mistakes(kQuantized, {"train.epochs=0", "solver.lr=0"}),
            (Lines{"command line: train.epochs=0: train.epochs: 0 is outside [1, 1000000000]",
                   "command line: solver.lr=0: solver.lr: 0 is outside (0, inf)"}));
  const std::string both = "network.conv1.quantize={weight: {method: ulq, bits: 20}, bias: {method: ulq, bits: 20}}";
  EXPECT_EQ(mistakes(kQuantized, {both}),
            (Lines{"command line: " + both + ": network.conv1.quantize.weight.bits: 20 is outside [1, 16] for ulq",
                   "command line: " + both + ": network.conv1.quantize.bias.bits: 20 is outside [1, 16] for ulq"}));
}

}  // namespace
}  // namespace qrun::test
