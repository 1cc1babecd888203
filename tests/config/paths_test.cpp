// Paths: a home folder, and what nothing fills in.
#include <unistd.h>

#include <cstdlib>

#include "support.h"

namespace qrun::test {
namespace {

TEST(Paths, ADollarNameIsAMistakeThatNamesTheRightForm) {
  const std::string rest =
      " holds $HOME, which nothing fills in; a configuration takes ${env:HOME}, a shell $HOME outside of single quotes";
  expect_mistakes({
      {"synthetic_digits: 100", "lmdb: $HOME/train", {"a.yaml:2:17: data.train.lmdb: $HOME/train" + rest}},
      {"synthetic_digits: 50", "lmdb: a/$HOME", {"a.yaml:3:16: data.test.lmdb: a/$HOME" + rest}},
      {"epochs: 1", "epochs: 1, init_from: $HOME/a.h5", {"a.yaml:9:31: train.init_from: $HOME/a.h5" + rest}},
      {"train: {epochs: 1}", "train: {epochs: 1}\noutput: {dir: $HOME}", {"a.yaml:10:15: output.dir: $HOME" + rest}},
      {"train: {epochs: 1}",
       "train: {epochs: 1}\nvars: {d: $HOME}\noutput: {dir: \"${d}/x\"}",
       {"a.yaml:11:15: output.dir: $HOME/x" + rest}},
  });
  EXPECT_EQ(mistakes("base: $HOME/b.yaml\n"), Lines{"a.yaml:1:7: base: $HOME/b.yaml" + rest});
  EXPECT_EQ(mistakes(kSmall, {"output.dir=$HOME/r"}),
            Lines{"command line: output.dir=$HOME/r: output.dir: $HOME/r" + rest});
  EXPECT_EQ(mistakes(kSmall + "output: {dir: costs_5$}\n"), Lines{});
}

TEST(Paths, OfTheEnvironmentAreSpelledOut) {
  ASSERT_EQ(setenv("QRUN_TEST_PLACE", "somewhere", 1), 0);
  EXPECT_EQ(read(kSmall + "output: {dir: \"${env:QRUN_TEST_PLACE}/r\"}\n").output.dir, "somewhere/r");
  EXPECT_EQ(mistakes(kSmall + "output:\n  dir: ${QRUN_TEST_PLACE}/r\n"),
            Lines{"a.yaml:11:8: output.dir: ${QRUN_TEST_PLACE} is not defined; the environment's is "
                  "${env:QRUN_TEST_PLACE}"});
  EXPECT_EQ(mistakes("base: ${QRUN_TEST_PLACE}/b.yaml\n"),
            Lines{"a.yaml:1:7: base: ${QRUN_TEST_PLACE}/b.yaml is read before vars are; of variables, ${env:NAME} can "
                  "stand here"});
  EXPECT_EQ(
      mistakes(kSmall + "base: ${env:QRUN_TEST_NOWHERE}/b.yaml\n"),
      Lines{"a.yaml:10:7: base: ${env:QRUN_TEST_NOWHERE} is not set in the environment; set it, or write the value"});
}

TEST(Paths, OfStoredRunsAreTakenAsTheyAre) {
  RunSpec run = read(kSmall);
  run.output.dir = "$HOME/r";
  EXPECT_EQ(read_run_text(run.text(), "stored").output.dir, "$HOME/r");
}

TEST(Paths, ATildeIsKeptAsWrittenAndTheIdWithIt) {
  const RunSpec run = read(with("synthetic_digits: 100", "lmdb: ~/train"));
  EXPECT_EQ(run.data.train.lmdb, "~/train");
  EXPECT_EQ(mistakes(with("synthetic_digits: 100", "lmdb: ~no_such_user/train")),
            Lines{"a.yaml:2:17: data.train.lmdb: ~no_such_user/train names the home folder of a user who is not known; "
                  "write ./~no_such_user/train for one called so"});
}

TEST(Paths, ABaseMayLieInTheHomeFolderOrBeNamedByTheEnvironment) {
  Files files;
  files.write("home/b.yaml", kSmall).write("a.yaml", "base: ~/b.yaml\n").write("c.yaml", "base: ${env:HOME}/b.yaml\n");
  const char* const was = std::getenv("HOME");
  const std::string home = was == nullptr ? "" : was;
  setenv("HOME",
         (std::filesystem::temp_directory_path() / ("qrun_config_" + std::to_string(getpid())) / "home").c_str(), 1);
  EXPECT_EQ(files.mistakes("a.yaml"), Lines{});
  EXPECT_EQ(files.mistakes("c.yaml"), Lines{});
  setenv("HOME", home.c_str(), 1);
}

}  // namespace
}  // namespace qrun::test
