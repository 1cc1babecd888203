#include "core/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "core/support.h"

namespace qrun::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

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

TEST_F(AtomicFileTest, AddsOnlyWhereThereIsNone) {
  EXPECT_TRUE(add_text(path("x"), "first"));
  EXPECT_FALSE(add_text(path("x"), "second"));
  EXPECT_EQ(read_bytes(path("x")), "first");
  EXPECT_THAT(names(), ElementsAre("x"));
  EXPECT_THAT(error_of([&] { (void)add_text(path("none/x"), "b"); }),
              HasSubstr("cannot write " + path("none/x") + ": "));
}

TEST_F(AtomicFileTest, OfManyThatAddOneSucceeds) {
  std::atomic<int> added = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back([&, i] { added += add_text(path("x"), std::to_string(i)) ? 1 : 0; });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(added, 1);
  EXPECT_THAT(names(), ElementsAre("x"));
}

/// A child that dies with a file half written; its number.
pid_t die_while_writing(const std::string& path) {
  const pid_t child = fork();
  if (child == 0) {
    setenv("QRUN_FAULT", "file.half", 1);
    write_text(path, "something longer");
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  return child;
}

TEST_F(AtomicFileTest, WhatAKillLeftIsToldFromWhatIsBeingWritten) {
  die_while_writing(path("x"));
  die_while_writing(path("y"));
  TemporaryFile mine(path("x"));
  write_bytes(path("x.tmp.old"), "another program's");
  ASSERT_EQ(names().size(), 4);
  remove_abandoned(path(""), "x");
  EXPECT_EQ(names().size(), 3) << "y's is of another file";
  remove_abandoned(path(""));
  EXPECT_THAT(names(), UnorderedElementsAre(std::filesystem::path(mine.name()).filename().string(), "x.tmp.old"));
  EXPECT_TRUE(mine.replace());
  remove_abandoned(path(""));
  EXPECT_THAT(names(), UnorderedElementsAre("x", "x.tmp.old"));
}

TEST_F(AtomicFileTest, AReaderThatLocksNeverMeetsTheWriter) {
  TemporaryFile file(path("x"));
  ASSERT_TRUE(file.replace());
  const int reader = open(path("x").c_str(), O_RDONLY);
  EXPECT_EQ(flock(reader, LOCK_SH | LOCK_NB), 0) << "as HDF5 does";
  close(reader);
}

TEST_F(AtomicFileTest, ATemporaryNameOfAnotherMachineIsNotShared) {
  const std::string next = temporary_name(path("x"));  // <path>.tmp.<process>.<call>
  const std::size_t dot = next.rfind('.') + 1;
  const std::string taken = next.substr(0, dot) + std::to_string(std::stoi(next.substr(dot)) + 1);
  write_bytes(taken, "of a process with this one's number");
  write_text(path("x"), "ours");
  EXPECT_EQ(read_bytes(path("x")), "ours");
  EXPECT_EQ(read_bytes(taken), "of a process with this one's number");
}

TEST(TemporaryName, IsToldFromOthers) {
  EXPECT_EQ(final_name("a.h5.tmp.12.3"), "a.h5");
  EXPECT_EQ(final_name("a.tmp.1.2.tmp.12.3"), "a.tmp.1.2");
  for (const char* name : {"a.h5", "a.tmp", "a.tmp.x", "a.tmp.1x"}) EXPECT_EQ(final_name(name), name);
}

}  // namespace
}  // namespace qrun::test
