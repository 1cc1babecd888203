// ${name} and ${env:NAME}.
#include <cstdlib>

#include "support.h"

namespace qrun::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// kSmall with these variables in line 1.
std::string with_vars(const std::string& vars, const std::string& from, const std::string& to) {
  return "vars: {" + vars + "}\n" + with(from, to);
}

TEST(Variables, AWholeReferenceKeepsTheType) {
  EXPECT_EQ(read(with_vars("n: 3", "epochs: 1", "epochs: \"${n}\"")).train.epochs, 3);
  EXPECT_EQ(read(with_vars("n: 3", "train: {epochs: 1}", "train:\n  epochs: ${n}")).train.epochs, 3);
  const RunSpec run = read(with_vars("q: {weight: {method: ulq, bits: \"${b}\"}}, b: 2", "kernel_size: 5}",
                                     "kernel_size: 5, quantize: \"${q}\"}"));
  EXPECT_EQ(run.network[0].weight_quant.bits, 2);
  EXPECT_EQ(mistakes(with_vars("n: \"3\"", "epochs: 1", "epochs: \"${n}\"")),
            Lines{"a.yaml:1:11: vars.n: \"3\" is text; write the integer without quotes (in train.epochs)"});
}

TEST(Variables, OtherReferencesAreText) {
  EXPECT_EQ(read("vars: {n: 3, who: me}\nname: run_${n}_${who}\n" + kSmall).name, "run_3_me");
  EXPECT_EQ(read("vars: {n: 3}\n" + with("train: {epochs: 1}", "train:\n  epochs: 1${n}")).train.epochs, 13);
  EXPECT_EQ(
      mistakes(with_vars("n: [3]", "epochs: 1", "epochs: \"1${n}\"")),
      Lines{"a.yaml:10:17: train.epochs: a map, a list or nothing can't be part of a text; use a variable that is a "
            "value"});
}

TEST(Variables, MayReferToEachOther) {
  EXPECT_EQ(read(with_vars("a: \"${b}\", b: \"${c}\", c: 7", "epochs: 1", "epochs: \"${a}\"")).train.epochs, 7);
}

TEST(Variables, ABadValueIsReportedOnceAtItsDefinition) {
  const std::string text =
      "vars:\n  w_bits: 20\n" + with("kernel_size: 5}",
                                     "kernel_size: 5, quantize: {weight: {method: ulq, bits: \"${w_bits}\"},"
                                     " bias: {method: clip, bits: \"${w_bits}\"}}}");
  EXPECT_EQ(mistakes(text), Lines{"a.yaml:2:11: vars.w_bits: 20 is outside [1, 16] for ulq (in "
                                  "network.conv1.quantize.weight.bits)"});
  EXPECT_EQ(mistakes(text, {"vars.w_bits=1"}),
            Lines{"command line: vars.w_bits=1: vars.w_bits: 1 is outside [2, 16] for clip (in "
                  "network.conv1.quantize.bias.bits)"});
  EXPECT_EQ(mistakes(text, {"vars.w_bits=2"}), Lines{});
}

TEST(Variables, AnUndefinedNameIsReportedOnce) {
  const std::string use = "kernel_size: \"${kernal}\", stride: \"${kernal}\"";
  EXPECT_EQ(mistakes(with_vars("kernel: 3", "kernel_size: 5", use)),
            Lines{"a.yaml:6:63: network.conv1.kernel_size: ${kernal} is not defined; did you mean kernel?"});
  EXPECT_EQ(mistakes(with("kernel_size: 5", use)),
            Lines{"a.yaml:5:63: network.conv1.kernel_size: ${kernal} is not defined; define it under vars"});
  EXPECT_EQ(mistakes(with("epochs: 1", "epochs: \"${open\"")),
            Lines{"a.yaml:9:17: train.epochs: ${ without }; write ${name}"});
}

TEST(Variables, AnUndefinedNameThatIsSetIsReportedWhereItIsSet) {
  const std::string text = with("lr: 0.01", "lr: \"${x}\"") + "vars: {rate: 1}\n";
  EXPECT_EQ(mistakes(text, {"vars.x=0.75"}),
            Lines{"command line: vars.x=0.75: vars.x: x is not a variable of the file; only rate is known"});
  EXPECT_EQ(mistakes(text + "sweep: {grid: {vars.x: [1, 2]}}\n"),
            Lines{"a.yaml:11:16: vars.x: x is not a variable of the file; only rate is known"});
  EXPECT_EQ(mistakes(with("lr: 0.01", "lr: \"${x}\""), {"vars.x=0.75"}),
            Lines{"command line: vars.x=0.75: vars.x: x is not a variable of the file; there is none"});
}

TEST(Variables, CirclesAreReportedOnceAtTheirFirstName) {
  EXPECT_EQ(mistakes("vars:\n  a: ${b}\n  b: x${c}\n  c: ${a}\n" + with("epochs: 1", "epochs: \"${a}\"")),
            Lines{"a.yaml:2:6: vars.a: refers to itself: a -> b -> c -> a; break the circle"});
  EXPECT_EQ(mistakes("vars:\n  a: [\"${a}\"]\n" + kSmall),
            Lines{"a.yaml:2:6: vars.a: refers to itself: a -> a; break the circle"});
}

TEST(Variables, ChainsEnd) {
  const auto chain = [](int links) {
    std::string vars = "vars:\n";
    for (int i = 0; i < links; ++i) vars += "  c" + std::to_string(i) + ": ${c" + std::to_string(i + 1) + "}\n";
    return vars + "  c" + std::to_string(links) + ": 1\n" + kSmall;
  };
  EXPECT_EQ(mistakes(chain(90)), Lines{});
  EXPECT_EQ(mistakes(chain(20000)),
            Lines{"a.yaml:102:9: vars.c100: is named through more than 100 other variables; shorten the chain"});
}

TEST(Variables, TheEnvironmentIsRead) {
  ASSERT_EQ(setenv("QRUN_TEST_EPOCHS", "4", 1), 0);
  ASSERT_EQ(unsetenv("QRUN_TEST_NOTHING"), 0);
  EXPECT_EQ(read(with("epochs: 1", "epochs: \"${env:QRUN_TEST_EPOCHS}\"")).train.epochs, 4);
  EXPECT_EQ(read(kSmall + "output: {dir: \"out/${env:QRUN_TEST_EPOCHS}/x\"}\n").output.dir, "out/4/x");
  EXPECT_EQ(
      mistakes(kSmall + "output: {dir: \"${env:QRUN_TEST_NOTHING}/x\"}\n"),
      Lines{"a.yaml:10:15: output.dir: ${env:QRUN_TEST_NOTHING} is not set in the environment; set it, or write the "
            "value"});
}

TEST(Variables, AreNamedPlainly) {
  EXPECT_EQ(mistakes("vars: {a.b: 1}\n" + kSmall),
            Lines{"a.yaml:1:8: vars.a.b: is not a name; use letters, digits, _ and -"});
  EXPECT_EQ(mistakes("vars: [1]\n" + kSmall), Lines{"a.yaml:1:7: vars: is not a map; write {name: value}"});
}

TEST(Variables, StayWithinTheBoundsOfADocument) {
  std::string lists = "vars:\n  a0: [x, x, x, x, x, x, x, x, x, x]\n";
  std::string texts = "vars:\n  a0: xxxxxxxxxx\n";
  for (int i = 1; i < 30; ++i) {
    const std::string name = "  a" + std::to_string(i) + ": ";
    const std::string below = "${a" + std::to_string(i - 1) + "}";
    lists += name + "[\"" + below + "\", \"" + below + "\"]\n";
    texts += name + below + below + "\n";
  }
  EXPECT_THAT(mistakes(lists + kSmall), ElementsAre(HasSubstr("more than 100000 nodes after variables")));
  EXPECT_THAT(mistakes(texts + kSmall), ElementsAre(HasSubstr("a text over 1 MiB after variables")));
}

}  // namespace
}  // namespace qrun::test
