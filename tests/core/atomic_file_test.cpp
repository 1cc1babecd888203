#include "core/atomic_file.h"

#include <sys/resource.h>

#include <csignal>

#include "core/support.h"

namespace qrun::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using AtomicFileTest = FolderTest;

/// Writes 10,000 bytes over `path` where a file may have 4,000; gives the message, then ends the process.
[[noreturn]] void write_without_space(const std::string& path) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{4000, 4000};
  setrlimit(RLIMIT_FSIZE, &limit);
  try {
    write_text(path, std::string(10000, 'x'));
  } catch (const EnvironmentError& error) {
    std::fputs(error.what(), stderr);
    std::_Exit(4);
  }
  std::_Exit(0);
}

TEST_F(AtomicFileTest, WritesAndMakesFolders) {
  write_text(path("a/b/c.txt"), "text");
  EXPECT_EQ(read_bytes(path("a/b/c.txt")), "text");
}

TEST_F(AtomicFileTest, ReplacesWhole) {
  write_text(path("x"), std::string(1000, 'a'));
  write_text(path("x"), "b");
  EXPECT_EQ(read_bytes(path("x")), "b");
  EXPECT_THAT(names(), ElementsAre("x"));
}

TEST_F(AtomicFileTest, WritesAnEmptyFile) {
  write_text(path("x"), "");
  EXPECT_EQ(read_bytes(path("x")), "");
  EXPECT_THAT(names(), ElementsAre("x"));
}

TEST_F(AtomicFileTest, LeavesNothingBehindWhereItCannotReplace) {
  std::filesystem::create_directories(path("x/full"));
  EXPECT_THAT(error_of([&] { write_text(path("x"), "b"); }), HasSubstr("cannot write " + path("x") + ": "));
  EXPECT_THAT(names(), ElementsAre("x"));
}

TEST_F(AtomicFileTest, KeepsTheOldFileWhenThereIsNoSpace) {
  testing::GTEST_FLAG(death_test_style) = "fast";  // the other style makes the folder a second time
  write_text(path("x"), "old");
  EXPECT_EXIT(write_without_space(path("x")), testing::ExitedWithCode(4), "cannot write .*x: File too large");
  EXPECT_EQ(read_bytes(path("x")), "old");
  EXPECT_THAT(names(), ElementsAre("x"));
}

}  // namespace
}  // namespace qrun::test
