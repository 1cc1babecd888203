// The runs of a large sweep are what each of its points gives by itself: what points leave alone is read once for all.

#include "support.h"

namespace qrun::test {
namespace {

const std::string kVariables = "vars: {bits: 2, rate: 0.01, epochs: 3, both: \"${bits}\", method: ulq}\n";
const std::string kPatterns =
    "quantize: {\"conv*\": {weight: {method: \"${method}\", bits: \"${both}\"}}, score: {bias: {method: clip, bits: "
    "8}}}\n";

std::string with_variables() {
  std::string text = with("solver: {lr: 0.01}", "solver: {lr: \"${rate}\", lr_policy: {type: exp, gamma: 0.9}}");
  return kVariables + kPatterns + with(text, "train: {epochs: 1}", "train: {epochs: \"${epochs}\"}");
}

/// Each run of the sweep beside the one that its values give alone, as overrides of a file without the sweep.
void expect_runs_alone(const std::string& sweep, std::size_t count) {
  SCOPED_TRACE(sweep);
  Files files;
  files.write("all/a.yaml", with_variables() + "sweep: " + sweep + "\n").write("one/a.yaml", with_variables());
  const Sweep all = files.sweep("all/a.yaml");
  ASSERT_EQ(all.runs.size(), count);
  for (const RunSpec& run : all.runs) {
    std::vector<std::string> overrides;
    for (const auto& [address, value] : run.swept) overrides.push_back(address + "=" + value);
    const RunSpec alone = files.read("one/a.yaml", overrides);
    ASSERT_EQ(run.text(), alone.text());
    ASSERT_EQ(run.hash(), alone.hash());
    EXPECT_EQ(run.network[0].position.line, alone.network[0].position.line);
    EXPECT_EQ(run.data.train.position.line, alone.data.train.position.line);
  }
}

TEST(Resolve, EveryKindOfAxisGivesTheRunsThatItsValuesGiveAlone) {
  expect_runs_alone("{seeds: 120}", 120);
  expect_runs_alone("{grid: {vars.bits: [1, 2, 4], seed: {range: [1, 40, 1]}}}", 120);
  expect_runs_alone("{grid: {vars.rate: {logspace: [1.0e-4, 1.0e-1, 60]}, vars.epochs: [1, 2]}}", 120);
  expect_runs_alone("{grid: {vars.method: [ulq, none], data.pad: {range: [0, 59, 1]}}}", 120);
  expect_runs_alone("{grid: {network.conv1.out_channels: {range: [1, 60, 1]}, network.conv*.bias: [true, false]}}",
                    120);
  expect_runs_alone("{grid: {quantize.conv*.weight.bits: [3, 4], solver.momentum: {linspace: [0, 0.9, 60]}}}", 120);
  expect_runs_alone("{zip: {seed: {range: [1, 150, 1]}, data.train.batch_size: {range: [1, 150, 1]}}}", 150);
  expect_runs_alone(
      "{random: {trials: 130, seed: 4, space: {solver.lr: {log_uniform: [0.001, 1]}, precision: "
      "{choice: [fp32, tf32]}}}}",
      130);
}

TEST(Resolve, PointsThatSetDifferentKeysStartFromTheSameDocument) {
  std::string points;
  for (int i = 0; i < 60; ++i) {
    points += "{seed: " + std::to_string(i) + "}, " +
              "{solver.momentum: 0.5, train.test_every: " + std::to_string(i + 1) + "}, ";
  }
  expect_runs_alone("{list: [" + points + "{train.keep: best}]}", 121);
}

TEST(Resolve, AMistakeOfOnePointIsFoundAmongMany) {
  const std::string sweep = "sweep: {grid: {solver.momentum: {linspace: [0, 1, 200]}}}\n";
  EXPECT_EQ(mistakes(kSmall + sweep),
            Lines{"a.yaml:10:33: sweep.grid.solver.momentum: 1 is outside [0, 1) (in solver.momentum)"});
}

TEST(Resolve, CountsTheNodesOfAllSections) {
  std::string mean;
  std::string steps;
  for (int i = 1; i <= 45000; ++i) mean += "1, ";
  for (int i = 1; i <= 30000; ++i) steps += std::to_string(i) + ", ";
  const std::string policy = "lr: 0.01, lr_policy: {type: multistep, gamma: 0.5, steps: \"${steps}\"}";
  const std::string text = "vars: {steps: [" + steps + "]}\n" +
                           with(with("network:", "  mean: [" + mean + "]\nnetwork:"), "lr: 0.01", policy) +
                           "sweep: {grid: {solver.momentum: [0.1, 0.2]}, seeds: ";
  for (const char* const seeds : {"2}\n", "200}\n"}) {
    const Lines lines = mistakes(text + seeds);
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_THAT(lines[0], testing::HasSubstr("more than 100000 nodes after variables"));
  }
}

TEST(Resolve, AMistakeThatNoPointMakesIsFoundOnce) {
  const std::string text = with("epochs: 1", "epochs: 0");
  EXPECT_EQ(mistakes(text + "sweep: {seeds: 200}\n"), Lines{"a.yaml:9:17: train.epochs: 0 is outside [1, 1000000000]"});
}

}  // namespace
}  // namespace qrun::test
