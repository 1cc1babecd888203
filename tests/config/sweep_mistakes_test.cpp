// Mistakes in a sweep: one line each, once, before anything runs.
#include "support.h"

namespace qrun::test {
namespace {

std::string swept(const std::string& sweep) {
  return with("kernel_size: 5}", "kernel_size: 5, quantize: {weight: {method: ulq, bits: \"${w_bits}\"}}}") +
         "vars: {w_bits: 2}\nsweep: " + sweep + "\n";
}

TEST(SweepMistakes, AreNamedAtTheirPlace) {
  const std::vector<std::pair<std::string, Lines>> cases = {
      {"3",
       {"a.yaml:11:8: sweep: 3 is a single value; a map of grid, zip, list, random, seeds, union, exclude is wanted"}},
      {"{gird: {seed: [1]}}", {"a.yaml:11:9: sweep.gird: unknown key; did you mean grid?"}},
      {"{grid: {solver.lrr: [1, 2]}}", {"a.yaml:11:16: solver.lrr: unknown key; did you mean lr?"}},
      {"{grid: {vars.w_bit: [1, 2]}}",
       {"a.yaml:11:16: vars.w_bit: w_bit is not a variable of the file; did you mean w_bits?"}},
      {"{grid: {network.conv7.out_channels: [1]}}",
       {"a.yaml:11:16: network.conv7.out_channels: no layer is called conv7; did you mean conv1?"}},
      {"{grid: {seed: []}}", {"a.yaml:11:22: sweep.grid.seed: is empty; give at least one value"}},
      {"{grid: {seed: 5}}",
       {"a.yaml:11:22: sweep.grid.seed: is not an axis; write a list, or one of {range: [start, stop, step]}, "
        "{linspace: [a, b, n]}, {logspace: [a, b, n]}"}},
      {"{grid: {seed: {rang: [1, 2, 1]}}}", {"a.yaml:11:23: sweep.grid.seed.rang: unknown; did you mean range?"}},
      {"{grid: {seed: {range: [1, 5]}}}",
       {"a.yaml:11:30: sweep.grid.seed.range: takes three numbers; write [start, stop, step]"}},
      {"{grid: {seed: {range: [1, 5, 0]}}}",
       {"a.yaml:11:30: sweep.grid.seed.range: never reaches 5 from 1 by 0; the step leads from start to stop"}},
      {"{grid: {solver.lr: {logspace: [0, 1, 3]}}}",
       {"a.yaml:11:38: sweep.grid.solver.lr.logspace: a logarithmic axis has positive ends; the ends are the values "
        "themselves, not exponents"}},
      {"{grid: {solver.lr: {linspace: [1, 2, 0]}}}",
       {"a.yaml:11:38: sweep.grid.solver.lr.linspace: the third number says how many; it is an integer in [1, "
        "100000]"}},
      {"{zip: {seed: [1, 2], solver.lr: [1, 2, 3]}}",
       {"a.yaml:11:29: sweep.zip.solver.lr: has 3 values, the axes before it 2; zipped axes have one length"}},
      {"{seeds: 0}", {"a.yaml:11:16: sweep.seeds: 0 is outside [1, 100000]"}},
      {"{random: {seed: 1}}",
       {"a.yaml:11:17: sweep.random.trials: is missing; how many points to draw",
        "a.yaml:11:17: sweep.random.space: is missing; what to draw from; write {address: {choice: [...]}}"}},
      {"{random: {trials: 3, space: {solver.lr: {log_uniform: [0, 1]}}}}",
       {"a.yaml:11:62: sweep.random.space.solver.lr.log_uniform: takes [low, high], low <= high, both positive"}},
      {"{grid: {seed: [1]}, seeds: 2}", {"a.yaml:11:28: seed: is swept twice; keep one of its axes"}},
      {"{grid: {seed: [1]}, exclude: [{seed: 1}]}", {"a.yaml:11:8: sweep: excludes all of its points; keep one"}},
      {"{grid: {seed: [1, 2]}, exclude: [{solver.lrr: 1}]}",
       {"a.yaml:11:42: solver.lrr: unknown key; did you mean lr?"}},
      {"{grid: {seed: [1, 2]}, exclude: [{sovler.lr: 1}]}",
       {"a.yaml:11:42: sovler: unknown key; did you mean solver?"}},
      {"{grid: {seed: [1, 2]}, exclude: [{seed: 1, vars.w_bit: 1}]}",
       {"a.yaml:11:51: vars.w_bit: w_bit is not a variable of the file; did you mean w_bits?"}},
      {"{grid: {seed: [1, 2]}, exclude: [{network.cnv1.stride: 1}, {network.conv*.strid: 1}]}",
       {"a.yaml:11:42: network.cnv1.stride: no layer is called cnv1; did you mean conv1?",
        "a.yaml:11:68: network.conv1.strid: unknown key; did you mean stride?"}},
      {"{grid: {seed: [1]}, exclude: {seed: 1}}",
       {"a.yaml:11:37: sweep.exclude: is not a list; write [{address: value, ...}, ...]"}},
      {"{union: [{seeds: 60000}, {seeds: 60000}]}",
       {"a.yaml:11:33: sweep.union[1]: more than 100000 runs with those before it; split the sweep"}},
      {"{grid: {sweep.seeds: [1, 2]}}",
       {"a.yaml:11:16: sweep.seeds: can't be swept itself; sweep what the runs differ in"}},
      {"{random: {trials: 2, space: {seed: {choice: [1], uniform: [1, 2]}}}}",
       {"a.yaml:11:43: sweep.random.space.seed: is not a distribution; write one of {choice: [...]}, {uniform: [a, "
        "b]}, "
        "{log_uniform: [a, b]}, {int_uniform: [a, b]}"}},
      {"{grid: {solver.lr: {linspace: [-1.7e308, 1.7e308, 3]}}}",
       {"a.yaml:11:38: sweep.grid.solver.lr.linspace: is too wide; use a smaller interval"}},
      {"{grid: {solver.lr: {linspace: [-1, -2, 100]}}}",
       {"a.yaml:11:27: sweep.grid.solver.lr: -1 is outside (0, inf) (in solver.lr)"}},
      {"{seeds: 1000, grid: {solver.lr: {linspace: [1, 2, 101]}}}",
       {"a.yaml:11:22: sweep: 1000 x 101 runs; at most 100000"}},
  };
  for (const auto& [sweep, lines] : cases) EXPECT_EQ(mistakes(swept(sweep)), lines) << sweep;
}

TEST(SweepMistakes, WhatHoldsForAWholeSweepIsNoAxis) {
  const auto line = [](const std::string& place, const std::string& address) {
    const std::string key = address.substr(0, address.find('.'));
    return Lines{place + ": " + address + ": " + key +
                 " holds for a whole sweep and is no axis; give it one value, outside of sweep"};
  };
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"name", "a"},        {"engine", "cpu"},        {"output", "{dir: a}"},
      {"output.dir", "a"},  {"cluster", "{cpus: 2}"}, {"output.activation_samples", "1"},
      {"cluster.cpus", "2"}};
  for (const auto& [address, value] : cases) {
    EXPECT_EQ(mistakes(swept("{grid: {" + address + ": [" + value + "], seed: [1, 2]}}")),
              line("a.yaml:11:16", address));
    EXPECT_EQ(mistakes(swept("{zip: {" + address + ": [" + value + "]}}")), line("a.yaml:11:15", address));
    EXPECT_EQ(mistakes(swept("{list: [{" + address + ": " + value + "}]}")), line("a.yaml:11:17", address));
    EXPECT_EQ(mistakes(swept("{union: [{grid: {" + address + ": [" + value + "]}}]}")), line("a.yaml:11:25", address));
    EXPECT_EQ(mistakes(swept("{random: {trials: 2, space: {" + address + ": {choice: [" + value + "]}}}}")),
              line("a.yaml:11:37", address));
    const std::string axis = address + "=" + value + "," + value;
    EXPECT_EQ(mistakes(swept("null"), {axis}), line("command line: " + axis, address));
  }
}

TEST(SweepMistakes, WhatHoldsForAWholeSweepTakesNoVariableOfIt) {
  const std::string sweep = swept("{grid: {vars.w_bits: [1, 2]}}");
  EXPECT_EQ(
      mistakes(sweep + "name: \"bits_${w_bits}\"\n"),
      Lines{"a.yaml:12:7: name: bits_${w_bits} is swept, and name holds for a whole sweep; use no variable of the "
            "sweep there"});
  const std::string through = with(sweep, "vars: {w_bits: 2}", "vars: {w_bits: 2, dir: \"to/${w_bits}\"}");
  EXPECT_EQ(
      mistakes(through + "output: {dir: \"${dir}\"}\n"),
      Lines{"a.yaml:12:15: output.dir: ${dir} is swept, and output holds for a whole sweep; use no variable of the "
            "sweep there"});
  EXPECT_EQ(mistakes(with(swept("{seeds: 2}"), "vars: {w_bits: 2}", "vars: {w_bits: 2, dir: to}") +
                     "output: {dir: \"${dir}\"}\n"),
            Lines{});
}

TEST(SweepMistakes, AnAxisThatALaterOneReplacesIsNamed) {
  EXPECT_EQ(mistakes(swept("{grid: {solver.lr: [0.1, 0.2], solver: [{lr: 0.3}, {lr: 0.4}]}}")),
            Lines{"a.yaml:11:16: solver.lr: is swept, and replaced by solver behind it; keep one of the two"});
  EXPECT_EQ(mistakes(swept("{grid: {solver.lr: [0.1, 0.2], solver: [{momentum: 0.3}]}}")), Lines{});
  EXPECT_EQ(mistakes(swept("{grid: {solver: [{momentum: 0.3}], solver.lr: [0.1, 0.2]}}")), Lines{});
}

TEST(SweepMistakes, AnAxisThatALaterPatternReplacesIsNamed) {
  EXPECT_EQ(
      mistakes(swept("{grid: {network.conv1.out_channels: [3, 4], network.c*.out_channels: [5, 6]}}")),
      Lines{"a.yaml:11:16: network.conv1.out_channels: is swept, and replaced by network.c*.out_channels behind it; "
            "keep one of the two"});
  EXPECT_EQ(mistakes(swept("{grid: {network.*.quantize: [none], network.conv1.quantize: [none]}}")), Lines{})
      << "an exception of the general one";
  EXPECT_EQ(mistakes(swept("{grid: {network.conv1.out_channels: [3, 4], network.c*.kernel_size: [3, 5]}}")), Lines{});
}

TEST(SweepMistakes, AWrongValueIsReportedOnceHoweverManyRunsHaveIt) {
  EXPECT_EQ(
      mistakes(swept("{grid: {vars.w_bits: [1, 20], seed: [1, 2, 3]}}")),
      (Lines{"a.yaml:11:33: vars.w_bits: 20 is outside [1, 16] for ulq (in network.conv1.quantize.weight.bits)"}));
}

TEST(SweepMistakes, AMistakeOfEveryRunIsReportedOnce) {
  EXPECT_EQ(mistakes(with(swept("{grid: {seed: [1, 2, 3]}}"), "epochs: 1", "epochs: 0")),
            (Lines{"a.yaml:9:17: train.epochs: 0 is outside [1, 1000000000]"}));
}

TEST(SweepMistakes, ReplicatesStayWithinTheSeeds) {
  const std::string last = "seed: 18446744073709551615\n";
  EXPECT_EQ(mistakes(swept("{seeds: 1}") + last), Lines{});
  EXPECT_EQ(mistakes(swept("{seeds: 2}") + last),
            Lines{"a.yaml:11:16: sweep.seeds: 2 seeds from 18446744073709551615 go beyond 2^64 - 1; start lower"});
}

TEST(SweepMistakes, ReplicatesCountFromASeedThatARunMayHave) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"banana", "7: seed: banana is not an integer; write one in decimal or 0x"},
      {"010", "7: seed: 010 has a leading zero; write a decimal integer without it, or 0x"},
      {"\"7\"", "7: seed: \"7\" is text; write the integer without quotes"},
      {"[1]", "7: seed: is a list; an integer is wanted"},
      {"null", "7: seed: is empty; an integer is wanted"},
      {"-3", "7: seed: -3 is outside [0, 18446744073709551615]"},
      {"-0x10", "7: seed: -0x10 is outside [0, 18446744073709551615]"},
      {"18446744073709551616", "7: seed: 18446744073709551616 is outside [0, 18446744073709551615]"},
      {"\"${undefined}\"", "7: seed: ${undefined} is not defined; only w_bits is known"},
  };
  for (const auto& [seed, line] : cases)
    EXPECT_EQ(mistakes(swept("{seeds: 3}") + "seed: " + seed + "\n"), Lines{"a.yaml:12:" + line}) << seed;
  EXPECT_EQ(mistakes(swept("{seeds: 3}"), {"seed=-3"}),
            Lines{"command line: seed=-3: seed: -3 is outside [0, 18446744073709551615]"});
  EXPECT_EQ(mistakes(swept("{grid: {seed: [1, 2]}}") + "seed: banana\n"), Lines{}) << "which no run has";
}

TEST(SweepMistakes, ReplicatesCountFromOneSeed) {
  EXPECT_EQ(mistakes(swept("{grid: {vars.w_bits: [1, 2]}, seeds: 2}") + "seed: \"${w_bits}\"\n"),
            Lines{"a.yaml:12:7: seed: ${w_bits} is swept, and replicates count from one seed; sweep seed itself"});
}

TEST(SweepMistakes, OfVariablesAreReportedOnce) {
  EXPECT_EQ(mistakes(swept("{seeds: \"${n}\"}")),
            Lines{"a.yaml:11:16: sweep.seeds: ${n} is not defined; only w_bits is known"});
  EXPECT_EQ(mistakes(swept("\"${n}\"") + "seed: \"${n}\"\n"),
            Lines{"a.yaml:11:8: sweep: ${n} is not defined; only w_bits is known"});
  EXPECT_EQ(mistakes(with(swept("{seeds: \"${n}\"}"), "w_bits: 2}", "w_bits: 2, n: few}")),
            Lines{"a.yaml:10:22: vars.n: few is not an integer; write one in decimal or 0x (in sweep.seeds)"});
  EXPECT_EQ(mistakes(with(swept("{grid: {vars.x: [1]}}"), "w_bits: 2}", "w_bits: 2, x: \"${none}\"}")), Lines{})
      << "which no run has";
  EXPECT_EQ(
      mistakes(with(swept("\"${n}\""), "w_bits: 2}", "w_bits: 2, n: {seeds: 2}}"), {"vars.w_bits=1,2"}),
      Lines{"command line: vars.w_bits=1,2: vars.w_bits: sweep is ${n} here, which takes no further axis; set it as a "
            "whole"});
}

TEST(SweepMistakes, LargeValuesInManyRunsAreRefused) {
  std::string list = "[1";
  for (int i = 0; i < 1000; ++i) list += ", 1";
  EXPECT_THAT(mistakes(swept("{grid: {data.mean: [" + list + "]]}, seeds: 10000}")),
              testing::ElementsAre(testing::HasSubstr("sweep: 10030000 values in all runs; at most 2000000")));
}

TEST(SweepMistakes, OnTheCommandLineAreNamedThere) {
  EXPECT_EQ(mistakes(swept("null"), {"vars.w_bits=1,20"}),
            (Lines{"command line: vars.w_bits=1,20: vars.w_bits: 20 is outside [1, 16] for ulq (in "
                   "network.conv1.quantize.weight.bits)"}));
  EXPECT_EQ(mistakes(swept("null"), {"solver.lrr=1,2"}),
            (Lines{"command line: solver.lrr=1,2: solver.lrr: unknown key; did you mean lr?"}));
  EXPECT_EQ(mistakes(swept("null"), {"seed=range(1,2)"}),
            (Lines{"command line: seed=range(1,2): sweep.grid.seed.range: takes three numbers; write [start, stop, "
                   "step]"}));
}

TEST(SweepMistakes, AnOverrideOfWhatTheSweepSetsIsNotLost) {
  const auto of = [](const std::string& sweep, const std::string& override) {
    return mistakes(swept(sweep), {override});
  };
  const std::string bits = "network.conv1.quantize.weight.bits";
  const std::string w = "command line: vars.w_bits=8: vars.w_bits: is set by ";
  EXPECT_EQ(of("{zip: {vars.w_bits: [1, 2], seed: [1, 2]}}", "vars.w_bits=8"),
            Lines{w + "sweep.zip at a.yaml:11:15, too; change it there"});
  EXPECT_EQ(of("{list: [{seed: 1}, {vars.w_bits: 1}]}", "vars.w_bits=8"),
            Lines{w + "sweep.list[1] at a.yaml:11:28, too; change it there"});
  EXPECT_EQ(of("{random: {trials: 2, space: {vars.w_bits: {choice: [1, 2]}}}}", "vars.w_bits=8"),
            Lines{w + "sweep.random.space at a.yaml:11:37, too; change it there"});
  EXPECT_EQ(of("{union: [{grid: {seed: [1]}}, {grid: {vars.w_bits: [1]}}]}", "vars.w_bits=8"),
            Lines{w + "sweep.union[1].grid at a.yaml:11:46, too; change it there"});
  EXPECT_EQ(
      of("{grid: {network.conv*.quantize.weight.bits: [1, 2]}}", bits + "=8"),
      Lines{"command line: " + bits + "=8: " + bits + ": is set by sweep.grid at a.yaml:11:16, too; change it there"});
  EXPECT_EQ(of("{grid: {network.conv1.quantize.weight: [none]}}", bits + "=8").size(), 1U) << "set as a whole";
  EXPECT_EQ(of("{list: [{" + bits + ": 1}]}", "network.conv1.stride=2"), Lines{});
  EXPECT_EQ(of("{list: [{" + bits + ": 1}]}", "network.conv1.quantize={weight: {method: ulq, bits: 8}}"), Lines{})
      << "the rest of it stays";
  EXPECT_EQ(of("{grid: {solver: [{lr: 0.1}, {momentum: 0.2}]}}", "solver.weight_decay=0.5"), Lines{})
      << "which no map of the axis sets";
  EXPECT_EQ(of("{grid: {solver: [{lr: 0.1}, {momentum: 0.2}]}}", "solver.momentum=0.5").size(), 1U);
  EXPECT_EQ(of("{list: [{solver.lr: 0.1}]}", "solver={lr: 0.5}").size(), 1U) << "all that the map holds is lost";
  EXPECT_EQ(mistakes(swept("{list: [{vars.w_bits: 1}]}"), {"vars.w_bits=8", "sweep=null"}), Lines{});
}

}  // namespace
}  // namespace qrun::test
