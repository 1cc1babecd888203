// Types, ranges and names of single values.
#include <cmath>

#include "config/yaml/names.h"
#include "config/yaml/scalars.h"
#include "support.h"

namespace qrun::test {
namespace {

std::uint64_t seed_of(const std::string& text) { return read(kSmall + "seed: " + text + "\n").seed; }

TEST(Values, IntegersAreDecimalHexadecimalOrWholeWithExponent) {
  EXPECT_EQ(seed_of("0"), 0U);
  EXPECT_EQ(seed_of("0xCAFFE"), 0xCAFFEU);
  EXPECT_EQ(seed_of("1e3"), 1000U);
  EXPECT_EQ(seed_of("1.5e3"), 1500U);
  EXPECT_EQ(seed_of("1200e-2"), 12U);
  EXPECT_EQ(seed_of("0e-7"), 0U);
  EXPECT_EQ(seed_of("18446744073709551615"), 18446744073709551615U);
  EXPECT_EQ(seed_of("1e19"), 10000000000000000000U);
}

TEST(Values, RejectsWhatIsNoInteger) {
  const auto line = [](const std::string& text) { return mistakes(kSmall + "seed: " + text + "\n"); };
  EXPECT_EQ(line("010"), Lines{"a.yaml:10:7: seed: 010 has a leading zero; write a decimal integer without it, or 0x"});
  for (const std::string text : {"two", "2.5", "2.0", "1e-3", "0o17", "0x", "1e", "1_000", "0x1g", "1e99999999999"}) {
    EXPECT_EQ(line(text), Lines{"a.yaml:10:7: seed: " + text + " is not an integer; write one in decimal or 0x"});
  }
  for (const std::string text : {"-1", "18446744073709551616", "0x10000000000000000", "1e20", "1e9999"}) {
    EXPECT_EQ(line(text), Lines{"a.yaml:10:7: seed: " + text + " is outside [0, 18446744073709551615]"});
  }
  EXPECT_EQ(line("\"2\""), Lines{"a.yaml:10:7: seed: \"2\" is text; write the integer without quotes"});
  EXPECT_EQ(line("[2]"), Lines{"a.yaml:10:7: seed: is a list; an integer is wanted"});
  EXPECT_EQ(line("{a: 2}"), Lines{"a.yaml:10:7: seed: is a map; an integer is wanted"});
  EXPECT_EQ(line("null"), Lines{"a.yaml:10:7: seed: is empty; an integer is wanted"});
}

TEST(Values, NumbersAreFinite) {
  EXPECT_EQ(read(with("lr: 0.01", "lr: 1")).solver.lr, 1.0);
  EXPECT_EQ(read(with("lr: 0.01", "lr: 1e-4")).solver.lr, 1e-4);
  EXPECT_EQ(read(with("lr: 0.01", "lr: .5")).solver.lr, 0.5);
  EXPECT_EQ(read(with("lr: 0.01", "lr: +2.5E+1")).solver.lr, 25.0);
  for (const std::string text : {"fast", ".inf", "nan", "1e999", "1.2.3", "0x", "1e-999"}) {
    EXPECT_EQ(mistakes(with("lr: 0.01", "lr: " + text)),
              Lines{"a.yaml:8:14: solver.lr: " + text + " is not a finite number; write one such as 0.01 or 1.0e-4"});
  }
  expect_mistakes({
      {"lr: 0.01", "lr: 00.5", {"a.yaml:8:14: solver.lr: 00.5 has a leading zero; write the number without it"}},
      {"lr: 0.01", "lr: '1'", {"a.yaml:8:14: solver.lr: \"1\" is text; write the number without quotes"}},
      {"lr: 0.01", "lr: []", {"a.yaml:8:14: solver.lr: is a list; a number is wanted"}},
      {"lr: 0.01", "lr: 0", {"a.yaml:8:14: solver.lr: 0 is outside (0, inf)"}},
  });
}

TEST(Values, BooleansAreTrueAndFalse) {
  EXPECT_TRUE(read(with("batch_size: 10}\n  test", "batch_size: 10, shuffle: true}\n  test")).data.train.shuffle);
  for (const std::string text : {"yes", "True", "on", "1", "\"true\""}) {
    EXPECT_EQ(mistakes(with("batch_size: 10}\n  test", "batch_size: 10, shuffle: " + text + "}\n  test")),
              Lines{"a.yaml:2:59: data.train.shuffle: " + text + " is not a boolean; write true or false"});
  }
}

TEST(Values, RangesAreChecked) {
  expect_mistakes({
      {"epochs: 1", "epochs: 0", {"a.yaml:9:17: train.epochs: 0 is outside [1, 1000000000]"}},
      {"epochs: 1", "epochs: 1, test_every: -5", {"a.yaml:9:32: train.test_every: -5 is outside [1, 1000000000]"}},
      {"lr: 0.01", "lr: 0.01, momentum: 1", {"a.yaml:8:30: solver.momentum: 1 is outside [0, 1)"}},
      {"lr: 0.01", "lr: 0.01, weight_decay: -1", {"a.yaml:8:34: solver.weight_decay: -1 is outside [0, inf)"}},
      {"batch_size: 10}\n  test",
       "batch_size: 0}\n  test",
       {"a.yaml:2:46: data.train.batch_size: 0 is outside [1, 1048576]"}},
      {"out_channels: 4", "out_channels: 0", {"a.yaml:5:47: network.conv1.out_channels: 0 is outside [1, 1048576]"}},
  });
}

TEST(Values, UnknownKeysAndChoicesComeWithTheNearestKnownName) {
  expect_mistakes({
      {"lr: 0.01", "lr: 0.01, momentun: 0.9", {"a.yaml:8:20: solver.momentun: unknown key; did you mean momentum?"}},
      {"lr: 0.01",
       "lr: 0.01, zzzzzz: 0.9",
       {"a.yaml:8:20: solver.zzzzzz: unknown key; one of type, lr, momentum, weight_decay, regularization, "
        "clip_gradients, lr_policy"}},
      {"lr: 0.01", "lr: 0.01, type: sdg", {"a.yaml:8:26: solver.type: sdg is not known; did you mean sgd?"}},
      {"type: relu", "type: rlu", {"a.yaml:6:25: network.relu1.type: rlu is not known; did you mean relu?"}},
      {"epochs: 1", "epochs: 1, keep: first", {"a.yaml:9:26: train.keep: first is not known; one of last, best, all"}},
      {"train: {epochs: 1}",
       "train: {epochs: 1}\nloss: hinge",
       {"a.yaml:10:7: loss: hinge is not known; only softmax_cross_entropy is known"}},
      {"train: {epochs: 1}",
       "train: {epochs: 1}\nengin: cpu",
       {"a.yaml:10:1: engin: unknown key; did you mean engine?"}},
  });
}

TEST(Values, MissingKeysAreNamed) {
  expect_mistakes({
      {"{lr: 0.01}", "{}", {"a.yaml:8:9: solver.lr: is missing; learning rate"}},
      {"train: {epochs: 1}", "train:", {"a.yaml:9:1: train.epochs: is missing; how long to train"}},
      {"synthetic_digits: 50, ", "", {"a.yaml:3:9: data.test: names no data; give lmdb or synthetic_digits"}},
      {"100, batch_size: 10", "100", {"a.yaml:2:10: data.train.batch_size: is missing; images a batch"}},
  });
}

TEST(Values, DataComesFromOneSource) {
  expect_mistakes({
      {"{synthetic_digits: 100,",
       "{lmdb: some/where, synthetic_digits: 100,",
       {"a.yaml:2:47: data.train.synthetic_digits: lmdb is given too; keep one, or set the other to null"}},
      {"{synthetic_digits: 100,",
       "{lmdb: some/where, data_seed: 3,",
       {"a.yaml:2:40: data.train.data_seed: is for synthetic_digits; leave it out"}},
      {"{synthetic_digits: 50,",
       "{synthetic_digits: 50, shuffle: true,",
       {"a.yaml:3:41: data.test.shuffle: is for training; the test takes every item once, in order"}},
      {"network:",
       "  scale: 0\nnetwork:",
       {"a.yaml:4:10: data.scale: 0 leaves nothing of the images; any other finite number"}},
      {"network:",
       "  mean: []\nnetwork:",
       {"a.yaml:4:9: data.mean: is an empty list; give one number, or one a channel"}},
      {"network:",
       "  mean: [1, b]\nnetwork:",
       {"a.yaml:4:13: data.mean[1]: b is not a finite number; write one such as 0.01 or 1.0e-4"}},
      {"network:",
       "  mean: {}\nnetwork:",
       {"a.yaml:4:9: data.mean: names no mean image; {file: mean.binaryproto} or {image: train}"}},
      {"network:",
       "  mean: {file: a, image: train}\nnetwork:",
       {"a.yaml:4:9: data.mean: gives both file and image; keep one, or set the other to null"}},
      {"network:",
       "  mean: {image: test}\nnetwork:",
       {"a.yaml:4:17: data.mean.image: test is not known; only train is known"}},
      {"network:", "  mean: {fiel: a}\nnetwork:", {"a.yaml:4:10: data.mean.fiel: unknown key; did you mean file?"}},
  });
  const DataSpec of_file = read(with("network:", "  mean: {file: a/mean.binaryproto}\nnetwork:")).data;
  EXPECT_EQ(of_file.mean_file, "a/mean.binaryproto");
  EXPECT_FALSE(of_file.mean_of_train);
  EXPECT_TRUE(read(with("network:", "  mean: {image: train}\nnetwork:")).data.mean_of_train);
  const RunSpec run = read(with("{synthetic_digits: 100,", "{lmdb: some/where, synthetic_digits: null,"));
  EXPECT_EQ(run.data.train.lmdb, "some/where");
  EXPECT_EQ(run.data.train.position.line, 2);
  EXPECT_EQ(run.data.train.position.column, 17);
  EXPECT_EQ(read(with("network:", "  mean: 127.5\nnetwork:")).data.mean, std::vector{127.5});
  EXPECT_EQ(read(with("network:", "  mean: [104, 117, 123]\nnetwork:")).data.mean,
            (std::vector<double>{104, 117, 123}));
}

TEST(Values, ANameIsLettersDigitsAndAFewSigns) {
  EXPECT_EQ(read(kSmall).name, "a");
  EXPECT_EQ(read(kSmall + "name: Run_1.b-2\n").name, "Run_1.b-2");
  const std::string rule = " is not a name; use up to 100 letters, digits, _, . and -, not starting with a dot";
  for (const std::string& text : std::vector<std::string>{".hidden", "a/b", "a b", std::string(101, 'n')}) {
    EXPECT_EQ(mistakes(kSmall + "name: " + text + "\n"), Lines{"a.yaml:10:7: name: " + text + rule});
  }
  EXPECT_EQ(mistakes(kSmall + "name: " + std::string(100, 'n') + "\n"), Lines{});
  EXPECT_EQ(Files().write("my run.yaml", kSmall).mistakes("my run.yaml"),
            Lines{"my run.yaml:1:1: name: my run, the file's stem, is not a name; give one with name:"});
}

TEST(Values, IndependentMistakesAreReportedTogetherByPosition) {
  std::string text = with("lr: 0.01", "lr: -1, epsilom: 2");
  text = with(text, "type: relu", "type: relu, kernel: 3");
  text = with(text, "synthetic_digits: 50", "synthetic_digits: 0");
  EXPECT_EQ(mistakes(text, {"train.epochs=no"}),
            (Lines{"a.yaml:3:28: data.test.synthetic_digits: 0 is outside [1, 1000000000]",
                   "a.yaml:6:31: network.relu1.kernel: unknown key; one of name, type, input, quantize",
                   "a.yaml:8:14: solver.lr: -1 is outside (0, inf)",
                   "a.yaml:8:18: solver.epsilom: unknown key; one of type, lr, momentum, weight_decay, regularization, "
                   "clip_gradients, lr_policy",
                   "command line: train.epochs=no: train.epochs: no is not an integer; write one in decimal or 0x"}));
}

TEST(Values, NumbersPrintTheShortestTextThatReadsBack) {
  for (const double value : {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, 123456789.0, 1e-4, 0.00392156862745098}) {
    EXPECT_EQ(config::parse_number(config::format_number(value)), value) << value;
  }
  EXPECT_EQ(config::format_number(0.1), "0.1");
}

TEST(Values, PatternsMatchWholeNames) {
  EXPECT_TRUE(config::matches("conv*", "conv12"));
  EXPECT_TRUE(config::matches("*", ""));
  EXPECT_TRUE(config::matches("c?nv*2*", "conv1_2_3"));
  EXPECT_FALSE(config::matches("conv", "conv1"));
  EXPECT_FALSE(config::matches("conv?", "conv"));
  EXPECT_FALSE(config::matches("*1", "conv12"));
  EXPECT_FALSE(config::matches(std::string(50, '*') + "b", std::string(100, 'a')));
}

}  // namespace
}  // namespace qrun::test
