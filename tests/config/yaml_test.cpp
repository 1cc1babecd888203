// The strict reader of YAML: syntax, repeated keys, bounds.
#include "config/yaml/document.h"
#include "support.h"

namespace qrun::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

TEST(Yaml, TheSmallConfigurationIsRight) { EXPECT_EQ(mistakes(kSmall), Lines{}); }

TEST(Yaml, RejectsARepeatedKey) {
  expect_mistakes({
      {"solver: {lr: 0.01}",
       "solver: {lr: 0.01, lr: 0.02}",
       {"a.yaml:8:20: solver.lr: is given twice, first in line 8; keep one"}},
      {"train: {epochs: 1}",
       "train: {epochs: 1}\nloss: softmax_cross_entropy\nloss: softmax_cross_entropy",
       {"a.yaml:11:1: loss: is given twice, first in line 10; keep one"}},
      {"{name: relu1, type: relu}",
       "{name: relu1, type: relu, type: relu}",
       {"a.yaml:6:31: network.relu1.type: is given twice, first in line 6; keep one"}},
  });
}

TEST(Yaml, RejectsBrokenSyntaxWithItsPosition) {
  EXPECT_THAT(mistakes("a: [1, 2\nb: 3\n"),
              ElementsAre("a.yaml:1:4: YAML: [ is not closed before 2:2; check its commas and the closing ]"));
  EXPECT_THAT(mistakes("a: b: c\n"), ElementsAre("a.yaml:1:5: YAML: a key can't stand here; check the indentation, or "
                                                 "put a text that holds a colon in quotes"));
  EXPECT_THAT(mistakes("a: *nowhere\n"),
              ElementsAre("a.yaml:1:4: YAML: no anchor of this name comes before; check its name"));
  EXPECT_THAT(mistakes("a: \"open\n"),
              ElementsAre("a.yaml:1:4: YAML: this quote is never closed; write the closing one"));
}

TEST(Yaml, SaysWhatIsWrongWhereItBegins) {
  const auto expect = [](const std::string& text, const std::string& line) {
    EXPECT_EQ(mistakes(text), Lines{"a.yaml:" + line}) << text;
  };
  expect("# it's\nname: today\nseed: 'open # \"\n", "3:7: YAML: this quote is never closed; write the closing one");
  expect("a:\n  b: {c: 1\nd: 2\n", "2:6: YAML: { is not closed before 3:2; check its commas and the closing }");
  expect("a: [1, 2}\n", "1:9: YAML: this bracket closes nothing; remove it, or close the one that is open");
  expect("a:\n\tb: 1\n", "2:1: YAML: a tab indents this line; indent with spaces");
  expect("a:\n  b: 1\n c: 2\n",
         "3:2: YAML: this line is no `key: value` beside those before it; check its colon and its indentation");
  expect("a: @b\n", "1:4: YAML: no value starts with this character; put the value in quotes");
}

TEST(Yaml, IsUtf8) {
  const std::string rule = " YAML: a byte that is not UTF-8 text, or a control character; save the file as UTF-8";
  for (const std::string bad : {"\xe9", "\xff\xfe", "\xc0\xaf", "\xe2\x82", "\x1b[0m", "\x7f", "\xf5\x80\x80\x80"})
    EXPECT_EQ(mistakes("# first\nname: a" + bad + "\n"), Lines{"a.yaml:2:8:" + rule});
  EXPECT_EQ(mistakes(std::string("a: 1\0", 5)), Lines{"a.yaml:1:5:" + rule});
  EXPECT_EQ(mistakes("# \u00e4 \u20ac \U0001f600\r\n" + kSmall), Lines{});
  EXPECT_EQ(mistakes("\xef\xbb\xbf" + kSmall), Lines{}) << "a mark of byte order";
}

TEST(Yaml, RejectsWhatIsNoMapOfTexts) {
  EXPECT_EQ(mistakes("- 1\n"), Lines{"a.yaml:1:1: YAML: the file is not a map; write keys and values"});
  EXPECT_EQ(mistakes("just text\n"), Lines{"a.yaml:1:1: YAML: the file is not a map; write keys and values"});
  EXPECT_EQ(mistakes("? [1, 2]\n: 3\n"), Lines{"a.yaml:1:3: YAML: a key is not text; write it as a name or in quotes"});
  EXPECT_EQ(mistakes("a: !!int 3\n"),
            Lines{"a.yaml:1:4: YAML: the tag tag:yaml.org,2002:int is not supported; leave it out"});
  EXPECT_EQ(mistakes("a: &a {b: 1}\nc:\n  <<: *a\n"),
            Lines{"a.yaml:3:3: YAML: merge keys are not supported; use base, or an alias"});
  EXPECT_EQ(mistakes(kSmall + "---\na: 1\n"),
            Lines{"a.yaml:11:1: YAML: a second document starts before this; keep one"});
}

TEST(Yaml, AnEmptyFileMissesWhatIsRequired) {
  const Lines lines = {"a.yaml:1:1: data: is missing; training and test items",
                       "a.yaml:1:1: network: is missing; the layers, each taking the one before it unless `input` says "
                       "otherwise",
                       "a.yaml:1:1: solver: is missing; how the master parameters are updated",
                       "a.yaml:1:1: train: is missing; how long, and what is kept"};
  EXPECT_EQ(mistakes(""), lines);
  EXPECT_EQ(mistakes("# nothing but a comment\n"), lines);
}

TEST(Yaml, RejectsAFileOverOneMebibyte) {
  const std::string comment = std::string(config::kMaxBytes - kSmall.size() - 1, '#') + "\n";
  EXPECT_EQ(mistakes(kSmall + comment), Lines{});
  EXPECT_THAT(mistakes(kSmall + comment + "\n"),
              ElementsAre("a.yaml: YAML: a.yaml is over 1 MiB; a configuration is smaller"));
}

TEST(Yaml, RejectsTooManyNodes) {
  std::string list = "vars: {a: [1";
  for (std::size_t i = 0; i < config::kMaxNodes; ++i) list += ",1";
  EXPECT_THAT(mistakes(list + "]}\n" + kSmall),
              ElementsAre(HasSubstr(": YAML: more than 100000 nodes after aliases; split the file")));
}

TEST(Yaml, CountsTheNodesOfAliasesBeforeItMakesThem) {
  std::string bomb = "vars:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    bomb += "  a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + below;
    for (int k = 1; k < 10; ++k) bomb += ", " + below;
    bomb += "]\n";
  }
  EXPECT_THAT(mistakes(bomb), ElementsAre(HasSubstr("more than 100000 nodes after aliases")));
}

TEST(Yaml, AnAliasIsNotPartOfItself) {
  EXPECT_THAT(mistakes("a: &a [1, *a]\n"), ElementsAre(StartsWith("a.yaml:1:11: YAML: an alias refers to what")));
}

TEST(Yaml, RejectsDeepNesting) {
  for (const char* const open : {"[", "{a: ", "- ", "? "}) {
    std::string text;
    while (text.size() < config::kMaxBytes / 2) text += open;
    text += "x";
    EXPECT_THAT(mistakes(text), ElementsAre(HasSubstr("nested too deeply; at most 100 levels are read"))) << open;
  }
}

TEST(Yaml, AMistakeBehindAnAliasIsReportedOnceAtItsAnchor) {
  const std::string text =
      with("  - {name: relu1, type: relu}\n  - {name: score, type: linear, out_features: 10}\n",
           "  - {name: score, type: linear, out_features: 10, weight: &m {lr_mult: -1}, bias: *m}\n");
  EXPECT_EQ(mistakes(text), Lines{"a.yaml:6:72: network.score.weight.lr_mult: -1 is outside [0, inf)"});
}

TEST(Yaml, AVariableBetweenBracketsStandsInQuotes) {
  const auto line = [](const std::string& place, const std::string& name) {
    return Lines{"a.yaml:" + place + ": YAML: a variable between brackets stands in quotes; write \"${" + name + "}\""};
  };
  EXPECT_EQ(mistakes(with("lr: 0.01", "lr: ${rate}")), line("8:14", "rate"));
  EXPECT_EQ(mistakes(with("lr: 0.01", "momentum: 0.5, lr: ${rate}, weight_decay: 0")), line("8:29", "rate"));
  EXPECT_EQ(mistakes(with("synthetic_digits: 100", "lmdb: ${env:DATA}/train")), line("2:17", "env:DATA"));
  EXPECT_EQ(mistakes(kSmall + "sweep: {grid: {seed: [1, ${w}]}}\n"), line("10:26", "w"));
  EXPECT_EQ(mistakes(with("solver: {lr: 0.01}", "solver: {${key}: 0.01}")), line("8:10", "key"));
  EXPECT_EQ(mistakes(with("solver: {lr: 0.01}", "solver: # \u00e4\n  {lr: ${w")), line("9:8", "w"));
}

TEST(Yaml, BlanksThatAreNoneOfYamlAreShown) {
  const std::string blank =
      ": YAML: <U+00A0> is no blank of YAML; write a blank, or put a text that holds it in quotes";
  EXPECT_EQ(mistakes(with("  train: {", "\u00a0 train: {")), Lines{"a.yaml:2:1" + blank});
  EXPECT_EQ(mistakes(with("  test: {", "  test:\u00a0{")), Lines{"a.yaml:3:8" + blank});
  EXPECT_EQ(mistakes(with("{lr: 0.01}", "{lr\u200b: 0.01}")),
            Lines{"a.yaml:8:10: solver.lr<U+200B>: unknown key; did you mean lr?"});
  EXPECT_EQ(mistakes(with("lr: 0.01", "lr: 0.01\u2003")),
            Lines{"a.yaml:8:14: solver.lr: 0.01<U+2003> is not a finite number; write one such as 0.01 or 1.0e-4"});
  EXPECT_EQ(mistakes(kSmall + "\ufeffseed: 1\n"), Lines{"a.yaml:10:1: <U+FEFF>seed: unknown key; did you mean seed?"});
}

TEST(Yaml, AFileThatCannotBeReadSaysWhy) {
  const Files files;
  EXPECT_EQ(files.mistakes("b.yaml"),
            Lines{"b.yaml: YAML: cannot read b.yaml: No such file or directory; name a YAML file"});
  Files folder;
  folder.write("c.yaml/x", "");
  EXPECT_EQ(folder.mistakes("c.yaml"), Lines{"c.yaml: YAML: cannot read c.yaml: is a folder; name a YAML file"});
}

TEST(Yaml, ThousandsOfMistakesEndAtOneThousand) {
  std::string text = kSmall;
  for (int i = 0; i < 5000; ++i) text += "unknown_key_" + std::to_string(i) + ": 1\n";
  EXPECT_THAT(mistakes(text), AllOf(SizeIs(1000), testing::Each(HasSubstr("unknown key"))));
}

}  // namespace
}  // namespace qrun::test
