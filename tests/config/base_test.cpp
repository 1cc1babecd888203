// Files that build on others: merging, `set`, circles.
#include <array>

#include "support.h"

namespace qrun::test {
namespace {

TEST(Base, MapsMergeListsAndValuesReplace) {
  Files files;
  files.write("base.yaml", kSmall + "vars: {a: 1, b: 2}\n");
  files.write("a.yaml",
              "base: base.yaml\n"
              "data: {train: {batch_size: 5}}\n"
              "network:\n"
              "  - {name: only, type: linear, out_features: 10}\n"
              "train: {epochs: \"${b}\"}\n"
              "vars: {b: 3}\n");
  const RunSpec run = files.read("a.yaml");
  EXPECT_EQ(run.data.train.batch_size, 5);
  EXPECT_EQ(run.data.train.synthetic_digits, 100);
  ASSERT_EQ(run.network.size(), 1U);
  EXPECT_EQ(run.network[0].name, "only");
  EXPECT_EQ(run.train.epochs, 3);
  EXPECT_EQ(run.name, "a") << "the stem of the file that was asked for";
}

TEST(Base, IsRelativeToItsFileAndMayBeChained) {
  Files files;
  files.write("common/root.yaml", kSmall);
  files.write("common/middle.yaml", "base: root.yaml\nseed: 5\n");
  files.write("jobs/a.yaml", "base: ../common/middle.yaml\ntrain: {epochs: 2}\n");
  const RunSpec run = files.read("jobs/a.yaml");
  EXPECT_EQ(run.seed, 5U);
  EXPECT_EQ(run.train.epochs, 2);
}

TEST(Base, MistakesPointIntoTheirOwnFileTheBaseFirstReadLast) {
  Files files;
  files.write("base.yaml", with("lr: 0.01", "lr: -1"));
  files.write("a.yaml", "base: base.yaml\n\ntrain: {epochs: 0}\n");
  EXPECT_EQ(files.mistakes("a.yaml"), (Lines{"a.yaml:3:17: train.epochs: 0 is outside [1, 1000000000]",
                                             "base.yaml:8:14: solver.lr: -1 is outside (0, inf)"}));
}

// As a shell's <(...) hands one over: it has a path, but that is no file's.
TEST(Base, AConfigurationMayComeThroughAPipe) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  ASSERT_EQ(write(ends[1], kSmall.data(), kSmall.size()), std::ssize(kSmall));
  close(ends[1]);
  EXPECT_EQ(read_config("/dev/fd/" + std::to_string(ends[0]), {"name=piped"}).name, "piped");
  close(ends[0]);
}

TEST(Base, CirclesAndMissingFilesAreRefused) {
  Files files;
  files.write("a.yaml", "base: b.yaml\n").write("b.yaml", "\nbase: a.yaml\n").write("c.yaml", "base: d.yaml\n");
  files.write("e.yaml", "base: e.yaml\n").write("f.yaml", "base: [a.yaml, b.yaml]\n");
  EXPECT_EQ(files.mistakes("a.yaml"), Lines{"b.yaml:2:7: base: a.yaml is based on itself; end the chain of bases"});
  EXPECT_EQ(files.mistakes("e.yaml"), Lines{"e.yaml:1:7: base: e.yaml is based on itself; end the chain of bases"});
  EXPECT_EQ(
      files.mistakes("c.yaml"),
      Lines{"c.yaml:1:7: base: cannot read d.yaml: No such file or directory; nearest there: a.yaml, b.yaml, c.yaml"});
  EXPECT_EQ(files.mistakes("f.yaml"), Lines{"f.yaml:1:7: base: is not text; name one YAML file"});
}

TEST(Base, AFileThatDoesNotExistGetsTheNearestNamesInItsFolder) {
  Files files;
  for (const std::string name : {"lenet_2bit.yaml", "lenet_bits.yml", "smoke.yaml", "notes.txt", "lenet.h5"})
    files.write(name, kSmall);
  const auto near = [&](const std::string& name) { return files.mistakes(name); };
  const std::string missing = ": YAML: cannot read ";
  const std::string reason = ": No such file or directory; ";
  EXPECT_EQ(near("lenet_2bits.yaml"), Lines{"lenet_2bits.yaml" + missing + "lenet_2bits.yaml" + reason +
                                            "nearest there: lenet_2bit.yaml, lenet_bits.yml, smoke.yaml"});
  EXPECT_EQ(near("lenet"),
            Lines{"lenet" + missing + "lenet" + reason + "nearest there: lenet_2bit.yaml, lenet_bits.yml, smoke.yaml"})
      << "those that begin so come first";
  EXPECT_EQ(near("smok"),
            Lines{"smok" + missing + "smok" + reason + "nearest there: smoke.yaml, lenet_2bit.yaml, lenet_bits.yml"});
  EXPECT_EQ(near("no/a.yaml"), Lines{"no/a.yaml" + missing + "no/a.yaml" + reason + "name a YAML file"});
}

TEST(Base, SetChangesSingleAddresses) {
  Files files;
  files.write("base.yaml", kSmall);
  files.write("a.yaml",
              "base: base.yaml\n"
              "set:\n"
              "  network.conv1.quantize.weight: {method: ulq, bits: 2}\n"
              "  network.*.quantize.activation: {method: clip, bits: 8}\n"
              "  solver.momentum: 0.9\n");
  files.write("b.yaml", "base: a.yaml\nset: {network.conv1.quantize.weight.bits: 4}\n");
  const RunSpec run = files.read("b.yaml");
  EXPECT_EQ(run.network[0].weight_quant.bits, 4);
  EXPECT_EQ(run.network[0].activation_quant.bits, 8);
  EXPECT_EQ(run.solver.momentum, 0.9);
}

TEST(Base, SetGivesNothingThatALaterEntryReplaces) {
  const auto lost = [](const std::string& address, const std::string& later) {
    return Lines{"a.yaml:10:7: " + address + ": is set, and replaced by " + later + " behind it; keep one of the two"};
  };
  EXPECT_EQ(mistakes(kSmall + "set: {solver.lr: 0.3, solver: {lr: 0.5}}\n"), lost("solver.lr", "solver"));
  EXPECT_EQ(mistakes(kSmall + "set: {solver: {lr: 0.3}, solver.lr: 0.5}\n"), lost("solver.lr", "solver.lr"));
  EXPECT_EQ(mistakes(kSmall + "set: {network.conv1.out_channels: 3, \"network.conv*.out_channels\": 4}\n"),
            lost("network.conv1.out_channels", "network.conv*.out_channels"));
  EXPECT_EQ(mistakes(kSmall + "set: {\"network.conv?.kernel_size\": 3, \"network.c*.kernel_size\": 4}\n"),
            lost("network.conv?.kernel_size", "network.c*.kernel_size"));
  EXPECT_EQ(mistakes(kSmall + "set: {\"network.*.quantize\": none, network.conv1.quantize: none}\n"), Lines{});
  EXPECT_EQ(mistakes(kSmall + "set: {solver: {lr: 0.3}, solver.momentum: 0.5}\n"), Lines{});
}

TEST(Base, SetIsCheckedLikeTheRest) {
  Files files;
  files.write("base.yaml", kSmall);
  files.write("a.yaml",
              "base: base.yaml\n"
              "set:\n"
              "  network.conv2.out_channels: 4\n"
              "  network.conv1.out_chanels: 4\n"
              "  solver..lr: 4\n"
              "  vars.new: 1\n"
              "  solver.lr: 0\n");
  EXPECT_EQ(files.mistakes("a.yaml"),
            (Lines{"a.yaml:3:3: network.conv2.out_channels: no layer is called conv2; did you mean conv1?",
                   "a.yaml:4:3: network.conv1.out_chanels: unknown key; did you mean out_channels?",
                   "a.yaml:5:3: solver..lr: is not an address; write names with dots between them, such as solver.lr",
                   "a.yaml:6:3: vars.new: new is not a variable of the file; there is none",
                   "a.yaml:7:14: solver.lr: 0 is outside (0, inf)"}));
  EXPECT_EQ(mistakes(kSmall + "set: 3\n"), Lines{"a.yaml:10:6: set: is not a map; write {address: value}"});
}

}  // namespace
}  // namespace qrun::test
