// What a sweep expands to: which runs, in which order, under which names.
#include <algorithm>
#include <set>

#include "config/yaml/scalars.h"
#include "support.h"

namespace qrun::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// kSmall with quantized weights and this sweep.
std::string swept(const std::string& sweep) {
  return with("kernel_size: 5}", "kernel_size: 5, quantize: {weight: {method: ulq, bits: \"${w_bits}\"}}}") +
         "vars: {w_bits: 2}\nsweep: " + sweep + "\n";
}
Sweep sweep_of(const std::string& sweep, const std::vector<std::string>& overrides = {}) {
  Files files;
  return files.write("a.yaml", swept(sweep)).sweep("a.yaml", overrides);
}

/// The swept values of each run, `1 0.1`.
std::vector<std::string> points(const Sweep& sweep) {
  std::vector<std::string> result;
  for (const RunSpec& run : sweep.runs) {
    std::string& point = result.emplace_back();
    for (const auto& [address, value] : run.swept) point += (point.empty() ? "" : " ") + value;
  }
  return result;
}

TEST(SweepGrammar, AFileWithoutOneIsOneRun) {
  const Sweep sweep = sweep_of("null");
  EXPECT_FALSE(sweep.is_sweep);
  EXPECT_EQ(sweep.runs.size(), 1U);
  EXPECT_THAT(sweep.runs[0].swept, IsEmpty());
  EXPECT_THAT(sweep.runs[0].id(), testing::StartsWith("run-"));
}

TEST(SweepGrammar, AGridHasItsFirstKeyOutermost) {
  const Sweep sweep = sweep_of("{grid: {vars.w_bits: [1, 4], seed: [7, 8, 9]}}");
  EXPECT_TRUE(sweep.is_sweep);
  EXPECT_THAT(points(sweep), ElementsAre("1 7", "1 8", "1 9", "4 7", "4 8", "4 9"));
  EXPECT_EQ(sweep.runs[3].network[0].weight_quant.bits, 4);
  EXPECT_EQ(sweep.runs[3].seed, 7U);
  EXPECT_THAT(sweep.runs[3].id(), testing::StartsWith("w_bits=4,seed=7-"));
}

TEST(SweepGrammar, ZippedAxesGoTogether) {
  EXPECT_THAT(points(sweep_of("{zip: {vars.w_bits: [1, 4], solver.lr: [0.1, 0.2]}}")), ElementsAre("1 0.1", "4 0.2"));
}

TEST(SweepGrammar, AListHasItsPointsOneByOne) {
  EXPECT_THAT(points(sweep_of("{list: [{vars.w_bits: 1}, {solver.lr: 0.5, seed: 3}]}")), ElementsAre("1", "0.5 3"));
}

TEST(SweepGrammar, ReplicatesCountFromTheSeedOfTheFile) {
  EXPECT_THAT(points(sweep_of("{seeds: 3}")), ElementsAre("831486", "831487", "831488"));
  EXPECT_THAT(points(sweep_of("{seeds: 2}", {"seed=10"})), ElementsAre("10", "11"));
}

TEST(SweepGrammar, ReplicatesCountFromASeedThatIsAVariable) {
  Files files;
  files.write("a.yaml", swept("{seeds: 2, grid: {vars.w_bits: [1, 2]}}") + "seed: \"${n}\"\n");
  files.write("b.yaml", "base: a.yaml\nvars: {n: 0x10, m: \"${w_bits}\"}\n");
  EXPECT_THAT(points(files.sweep("b.yaml")), ElementsAre("16 1", "16 2", "17 1", "17 2"));
}

TEST(SweepGrammar, VariablesOfTheFileAreFilledIn) {
  Files files;
  const auto of = [&](const std::string& sweep, const std::vector<std::string>& overrides = {}) {
    const std::string vars = "vars: {n: 3, list: [7, 8], point: {seed: 5}, all: {seeds: \"${n}\"}}\n";
    files.write("base.yaml", with(swept("null"), "sweep: null\n", "seed: 1\n"));
    files.write("a.yaml", "base: base.yaml\n" + vars + "sweep: " + sweep + "\n");
    const Sweep expanded = files.sweep("a.yaml", overrides);
    files.write("frozen.yaml", expanded.text);
    EXPECT_EQ(points(files.sweep("frozen.yaml")), points(expanded)) << expanded.text;
    return points(expanded);
  };
  EXPECT_THAT(of("{seeds: \"${n}\"}"), ElementsAre("1", "2", "3"));
  EXPECT_THAT(of("\"${all}\""), ElementsAre("1", "2", "3"));
  EXPECT_THAT(of("\"${all}\"", {"vars.n=2"}), ElementsAre("1", "2"));
  EXPECT_THAT(of("{grid: {seed: \"${list}\"}}"), ElementsAre("7", "8"));
  EXPECT_THAT(of("{grid: {seed: [\"${n}\", 4]}}"), ElementsAre("3", "4"));
  EXPECT_THAT(of("{grid: {seed: {range: [1, \"${n}\", 1]}}}"), ElementsAre("1", "2", "3"));
  EXPECT_THAT(of("{random: {trials: \"${n}\", space: {seed: {choice: \"${list}\"}}}}"), testing::SizeIs(2));
  EXPECT_THAT(of("{list: [\"${point}\", {seed: 6}]}"), ElementsAre("5", "6"));
  EXPECT_THAT(of("{seeds: 4, exclude: [{seed: \"${n}\"}]}"), ElementsAre("1", "2", "4"));
  EXPECT_THAT(of("{seeds: 2, grid: {vars.n: [1, 2]}, exclude: [{vars.n: 2}]}"), ElementsAre("1 1", "2 1"));
}

TEST(SweepGrammar, AVariableThatIsSweptHasTheValueOfThePoint) {
  for (const std::string axes : {"{vars.w_bits: [1, 4], seed: [\"${w_bits}\"]}", "\"${axes}\""}) {
    Files files;
    files.write("base.yaml", swept("{grid: " + axes + "}"));
    files.write("a.yaml", "base: base.yaml\nvars: {axes: {vars.w_bits: [1, 4], seed: [\"${w_bits}\"]}}\n");
    const Sweep sweep = files.sweep("a.yaml");
    ASSERT_EQ(sweep.runs.size(), 2U);
    EXPECT_EQ(sweep.runs[0].seed, 1U) << axes;
    EXPECT_EQ(sweep.runs[1].seed, 4U) << axes;
  }
}

TEST(SweepGrammar, FactorsMultiplyInTheOrderWritten) {
  EXPECT_THAT(points(sweep_of("{seeds: 2, zip: {vars.w_bits: [1, 4]}, grid: {solver.lr: [0.1, 0.2]}}", {"seed=1"})),
              ElementsAre("1 1 0.1", "1 1 0.2", "1 4 0.1", "1 4 0.2", "2 1 0.1", "2 1 0.2", "2 4 0.1", "2 4 0.2"));
}

TEST(SweepGrammar, AUnionHasOneSweepAfterTheOther) {
  EXPECT_THAT(points(sweep_of("{union: [{grid: {vars.w_bits: [1, 4]}}, {list: [{seed: 3}]}]}")),
              ElementsAre("1", "4", "3"));
  EXPECT_THAT(
      points(sweep_of("{union: [{grid: {vars.w_bits: [1, 4]}}, {grid: {solver.lr: [0.5]}}], seeds: 2}", {"seed=1"})),
      ElementsAre("1 1", "1 2", "4 1", "4 2", "0.5 1", "0.5 2"));
}

TEST(SweepGrammar, ExcludedPointsAreDroppedBeforeTheyAreChecked) {
  EXPECT_THAT(
      points(sweep_of(
          "{grid: {vars.w_bits: [1, 20], seed: [1, 2]}, exclude: [{vars.w_bits: 20}, {vars.w_bits: 1, seed: 2}]}")),
      ElementsAre("1 1"));
}

TEST(SweepGrammar, AnExclusionThatMatchesNothingIsNamed) {
  const Sweep sweep = sweep_of("{grid: {seed: [1, 2]}, exclude: [{seed: 0x2}, {seed: 5}]}");
  EXPECT_THAT(points(sweep), ElementsAre("1"));
  EXPECT_THAT(sweep.warnings, ElementsAre(HasSubstr("a.yaml:11:54: sweep.exclude[1]: matches no point of the sweep")));
}

TEST(SweepGrammar, AnExclusionMayNameWhatIsNotSwept) {
  for (const std::string entry : {"solver.momentum: 2", "vars.w_bits: x", "network.score.quantize.weight.bits: 4",
                                  "network.c*.quantize.bias: none", "solver.lr_policy.gamma: 1", "cluster.cpus: 0",
                                  "data.mean: [1]", "train.init_from: a.h5"}) {
    const Sweep sweep = sweep_of("{grid: {seed: [1, 2]}, exclude: [{" + entry + "}]}");
    EXPECT_EQ(sweep.runs.size(), 2U);
    EXPECT_THAT(sweep.warnings, ElementsAre(HasSubstr("matches no point of the sweep"))) << entry;
  }
}

TEST(SweepGrammar, ExclusionsCompareMeaningsNotTexts) {
  EXPECT_THAT(
      points(sweep_of("{list: [{solver.lr: 1, seed: 3}, {seed: 3}, {solver.lr: 2}], exclude: [{solver.lr: 1.0}, "
                      "{seed: 3e0, solver.lr: 2}, {solver.lr: 2}]}")),
      ElementsAre("3"));
  EXPECT_THAT(points(sweep_of("{grid: {seed: [18446744073709551615, 18446744073709551614]}, exclude: [{seed: "
                              "0xFFFFFFFFFFFFFFFF}]}")),
              ElementsAre("18446744073709551614"));
}

TEST(SweepGrammar, EqualPointsRunOnce) {
  const Sweep sweep = sweep_of("{union: [{grid: {vars.w_bits: [1, 2]}}, {grid: {vars.w_bits: [2, 4]}}]}");
  EXPECT_THAT(points(sweep), ElementsAre("1", "2", "4"));
  EXPECT_THAT(sweep.warnings, ElementsAre(HasSubstr("sweep: equal to an earlier point and left out: 1")));
}

TEST(SweepGrammar, EqualPointsOfTheCommandLineAreNamedThere) {
  const std::string line = "command line: solver.lr=1,1: sweep: equal to an earlier point and left out: 1";
  EXPECT_THAT(sweep_of("null", {"solver.lr=1,1"}).warnings, ElementsAre(line));
  Files files;
  EXPECT_THAT(files.write("a.yaml", kSmall).sweep("a.yaml", {"solver.lr=1,1"}).warnings, ElementsAre(line));
}

TEST(SweepGrammar, AxesOfNumbersHoldTheNumbersOneWouldWrite) {
  EXPECT_THAT(points(sweep_of("{grid: {solver.lr: {range: [0.1, 0.5, 0.1]}}}")),
              ElementsAre("0.1", "0.2", "0.3", "0.4", "0.5"));
  EXPECT_THAT(points(sweep_of("{grid: {seed: {range: [9, 1, -4]}}}")), ElementsAre("9", "5", "1"));
  EXPECT_THAT(points(sweep_of("{grid: {solver.lr: {logspace: [1e-4, 0.1, 4]}}}")),
              ElementsAre("1e-04", "0.001", "0.01", "0.1"));
  EXPECT_THAT(points(sweep_of("{grid: {solver.lr: {linspace: [1, 2, 5]}}}")),
              ElementsAre("1", "1.25", "1.5", "1.75", "2"));
  EXPECT_THAT(points(sweep_of("{grid: {solver.lr: {linspace: [1, 2, 1]}}}")), ElementsAre("1"));
}

TEST(SweepGrammar, AddressesMayBeLayersAndPatterns) {
  const Sweep sweep = sweep_of("{grid: {network.conv*.quantize.weight.bits: [3, 5], network.score.bias.lr_mult: [2]}}");
  EXPECT_EQ(sweep.runs.at(1).network[0].weight_quant.bits, 5);
  EXPECT_EQ(sweep.runs.at(1).network[2].bias.lr_mult, 2);
}

TEST(SweepGrammar, ValuesMayBeMaps) {
  const Sweep sweep = sweep_of("{grid: {network.conv1.quantize.weight: [{method: clip, bits: 4}, none]}}");
  EXPECT_THAT(points(sweep), ElementsAre("{method: clip, bits: 4}", "none"));
  EXPECT_EQ(sweep.runs[0].network[0].weight_quant.bits, 4);
}

TEST(SweepGrammar, RandomPointsFollowFromTheirSeed) {
  const std::string space =
      "space: {solver.lr: {log_uniform: [0.001, 0.1]}, vars.w_bits: {choice: [1, 2, 4]}, train.epochs: {int_uniform: "
      "[1, 3]}}";
  const auto drawn = [&](int seed) {
    return points(sweep_of("{random: {trials: 200, seed: " + std::to_string(seed) + ", " + space + "}}"));
  };
  EXPECT_EQ(drawn(7), drawn(7));
  EXPECT_NE(drawn(7), drawn(8));
  std::set<std::int64_t> epochs;
  double low = 1;
  double high = 0;
  for (const RunSpec& run : sweep_of("{random: {trials: 200, seed: 7, " + space + "}}").runs) {
    epochs.insert(run.train.epochs);
    low = std::min(low, run.solver.lr);
    high = std::max(high, run.solver.lr);
  }
  EXPECT_THAT(epochs, ElementsAre(1, 2, 3));
  EXPECT_GE(low, 0.001);
  EXPECT_LE(high, 0.1);
  EXPECT_LT(low, 0.002) << "the whole span is drawn from";
  EXPECT_GT(high, 0.05);
}

TEST(SweepGrammar, TheCommandLineSweepsAsWell) {
  EXPECT_THAT(points(sweep_of("null", {"vars.w_bits=1,2,4"})), ElementsAre("1", "2", "4"));
  EXPECT_THAT(points(sweep_of("null", {"solver.lr=logspace(1e-3,1e-1,3)"})), ElementsAre("0.001", "0.01", "0.1"));
  EXPECT_THAT(points(sweep_of("null", {"seed=range(1,5,2)", "vars.w_bits=choice(1,4)"})),
              ElementsAre("1 1", "1 4", "3 1", "3 4", "5 1", "5 4"));
  EXPECT_THAT(points(sweep_of("null", {"sweep.grid={seed: [1, 2]}"})), ElementsAre("1", "2"));
  EXPECT_THAT(points(sweep_of("null", {"sweep.seeds=2", "seed=1"})), ElementsAre("1", "2"));
  EXPECT_FALSE(sweep_of("{seeds: 3}", {"sweep=null"}).is_sweep);
}

TEST(SweepGrammar, AnAxisOfTheCommandLineReplacesTheFiles) {
  EXPECT_THAT(points(sweep_of("{grid: {vars.w_bits: [1, 2], seed: [1, 2]}}", {"vars.w_bits=4,8"})),
              ElementsAre("4 1", "4 2", "8 1", "8 2"));
}

TEST(SweepGrammar, OneValueForASweptAddressKeepsTheNamesOfItsRuns) {
  const Sweep all = sweep_of("{grid: {vars.w_bits: [1, 2], seed: [1, 2]}}");
  const Sweep one = sweep_of("{grid: {vars.w_bits: [1, 2], seed: [1, 2]}}", {"vars.w_bits=2"});
  ASSERT_THAT(points(one), ElementsAre("2 1", "2 2"));
  EXPECT_EQ(one.runs[0].id(), all.runs[2].id());
}

TEST(SweepGrammar, APointIsTheRunThatOneWouldWriteByHand) {
  const Sweep sweep = sweep_of("{grid: {vars.w_bits: [1, 4], solver.lr: [0.5]}}");
  EXPECT_EQ(sweep.runs[1].hash(), sweep_of("null", {"vars.w_bits=4", "solver.lr=0.5"}).runs[0].hash());
  EXPECT_EQ(sweep.runs[1].text(), sweep_of("null", {"vars.w_bits=4", "solver.lr=0.5"}).runs[0].text());
}

TEST(SweepGrammar, AMapMergesIntoTheSectionThatItNamesAsABaseDoes) {
  const auto momenta = [](const Sweep& sweep) {
    std::vector<std::string> found;
    for (const RunSpec& run : sweep.runs)
      found.push_back(config::format_number(run.solver.lr) + " " + config::format_number(run.solver.momentum));
    return found;
  };
  const auto of = [&](const std::string& sweep, const Lines& overrides = {}) {
    Files files;
    files.write("a.yaml", with(swept(sweep), "solver: {lr: 0.01}", "solver: {lr: 0.01, momentum: 0.9}"));
    return files.sweep("a.yaml", overrides);
  };
  EXPECT_THAT(momenta(of("{grid: {solver: [{lr: 0.1}, {lr: 0.2, momentum: 0.5}]}}")),
              ElementsAre("0.1 0.9", "0.2 0.5"));
  EXPECT_THAT(momenta(of("{zip: {solver: [{lr: 0.1}], seed: [1]}}")), ElementsAre("0.1 0.9"));
  EXPECT_THAT(momenta(of("{list: [{solver: {momentum: 0.1}}, {solver: {lr: 0.3}}]}")),
              ElementsAre("0.01 0.1", "0.3 0.9"));
  EXPECT_THAT(momenta(of("{random: {trials: 1, space: {solver: {choice: [{lr: 0.1}]}}}}")), ElementsAre("0.1 0.9"));
  EXPECT_THAT(momenta(of("null", {"solver={lr: 0.1},{lr: 0.2}"})), ElementsAre("0.1 0.9", "0.2 0.9"));
  EXPECT_THAT(momenta(of("null", {"sweep.grid={solver: [{lr: 0.1}, {lr: 0.2}]}", "solver.momentum=0.3"})),
              ElementsAre("0.1 0.3", "0.2 0.3"));
}

TEST(SweepGrammar, AMapMergesIntoLayersAndReplacesVariablesAndValues) {
  const Sweep layers = sweep_of("{grid: {network.conv*.quantize: [{weight: {bits: 8}}, none]}}");
  EXPECT_EQ(layers.runs[0].network[0].weight_quant.bits, 8);
  EXPECT_NE(layers.runs[0].network[0].weight_quant.method, kNoQuantizer) << "the file's";
  EXPECT_EQ(layers.runs[1].network[0].weight_quant.method, kNoQuantizer);
  Files files;
  files.write("a.yaml",
              with(with(swept("{grid: {vars.q: [{method: ternary}]}}"),
                        "quantize: {weight: {method: ulq, bits: \"${w_bits}\"}}", "quantize: {weight: \"${q}\"}"),
                   "w_bits: 2", "w_bits: 2, q: {method: ulq, bits: 2, lambda: paper}"));
  EXPECT_EQ(files.sweep("a.yaml").runs[0].network[0].weight_quant.lambda, Lambda::kOriginal)
      << "a variable is one value";
  files.write("b.yaml", with(swept("{grid: {network.score.init: [{constant: null, gaussian: 0.25}]}}"),
                             "out_features: 10", "out_features: 10, init: {constant: 1}"));
  EXPECT_EQ(files.sweep("b.yaml").runs[0].network[2].init, (InitSpec{InitType::kGaussian, 0.25}));
}

TEST(SweepGrammar, ItsFrozenTextExpandsToTheSameRuns) {
  Files files;
  files.write("base.yaml", swept("{grid: {seed: [1, 2]}}"));
  files.write("a.yaml", "base: base.yaml\nset: {solver.momentum: 0.5}\n");
  const Sweep sweep = files.sweep("a.yaml", {"vars.w_bits=1,2"});
  files.write("frozen.yaml", sweep.text);
  const Sweep again = files.sweep("frozen.yaml");
  ASSERT_EQ(again.runs.size(), 4U);
  EXPECT_EQ(again.name, "a");
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(again.runs[i].id(), sweep.runs[i].id());
}

}  // namespace
}  // namespace qrun::test
