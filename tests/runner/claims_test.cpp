// Claims: one holder at a time, and the dead are followed.
#include "runner/claims.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

#include "runner/support.h"

namespace qrun {
namespace {

using std::chrono::milliseconds;

class ClaimsTest : public FolderTest {
 protected:
  ClaimsTest() { fs::create_directories(folder_ + "/.qrun"); }
  [[nodiscard]] std::string file(const std::string& run) const { return folder_ + "/.qrun/" + run + ".claim"; }

  /// A process of another machine, as far as anyone can tell.
  static Owner stranger(const std::string& host) {
    Owner owner;
    owner.host = host;
    owner.place = "boot of " + host;
    owner.pid = 17;
    owner.started = 4711;
    return owner;
  }
  void leave_behind(const Owner& owner, const std::string& run) { std::ofstream(file(run)) << claim_text(owner); }

  /// Looks until the run is ours; a test that never ends has failed.
  static void follow(Claims& claims, const std::string& run) {
    while (!claims.take(run)) std::this_thread::sleep_for(milliseconds(5));
  }

  /// What a process does that dies at a fault point while it holds, or takes, a run.
  [[noreturn]] void die_at(const char* fault) const {
    setenv("QRUN_FAULT", fault, 1);
    Claims claims(folder_, this_process(), milliseconds(60));
    static_cast<void>(claims.take("run-1"));
    for (;;) pause();  // until a heartbeat meets it
  }
  static int status_of(pid_t child) {
    int status = -1;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  }
};

TEST_F(ClaimsTest, OneHolderAtATime) {
  Claims ours(folder_);
  Claims theirs(folder_, stranger("b"));
  EXPECT_TRUE(ours.take("run-1"));
  EXPECT_FALSE(theirs.take("run-1"));
  EXPECT_TRUE(theirs.take("run-2"));
  EXPECT_FALSE(ours.take("run-2"));
  EXPECT_TRUE(ours.owns("run-1"));
  EXPECT_FALSE(ours.owns("run-2"));
  ours.release("run-1");
  EXPECT_FALSE(fs::exists(file("run-1")));
  EXPECT_TRUE(theirs.take("run-1"));
  EXPECT_EQ(read_claim(file("run-1"))->host, "b");
}

TEST_F(ClaimsTest, GivesAllBackAtTheEnd) {
  {
    Claims claims(folder_);
    EXPECT_TRUE(claims.take("run-1"));
  }
  EXPECT_FALSE(fs::exists(file("run-1")));
}

TEST_F(ClaimsTest, AnEndedProcessOfThisMachineIsFollowedAtOnce) {
  const pid_t child = fork();
  if (child == 0) {
    Claims claims(folder_);
    _exit(claims.take("run-1") ? 0 : 1);  // without giving back
  }
  int status = -1;
  waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  ASSERT_TRUE(fs::exists(file("run-1")));
  Claims claims(folder_);
  EXPECT_TRUE(claims.take("run-1"));
  EXPECT_EQ(read_claim(file("run-1"))->pid, getpid());
}

TEST_F(ClaimsTest, ANumberThatAnotherProcessGotSinceDoesNotCount) {
  Owner earlier = this_process();
  earlier.started -= 1;  // same pid, other process
  leave_behind(earlier, "run-1");
  Claims claims(folder_);
  EXPECT_TRUE(claims.take("run-1"));
}

TEST_F(ClaimsTest, AKillWhileClaimingNeverBarsTheRun) {
  for (const char* fault : {"file.created", "file.half", "file.written", "file.flushed", "file.linked", "file.placed",
                            "claim.taken", "file.created:2", "file.half:2", "file.flushed:2", "file.placed:2"}) {
    const pid_t child = fork();
    if (child == 0) die_at(fault);
    ASSERT_EQ(status_of(child), -SIGKILL) << fault;
    if (fs::exists(file("run-1"))) {
      EXPECT_EQ(read_claim(file("run-1"))->pid, child) << fault;
    }
    Claims claims(folder_);
    EXPECT_TRUE(claims.take("run-1")) << fault << ": at once";
    claims.release("run-1");
    remove_abandoned(folder_ + "/.qrun");
    for (const auto& entry : fs::directory_iterator(folder_ + "/.qrun"))
      EXPECT_EQ(entry.path().filename(), "claims.lock") << fault;
  }
}

TEST_F(ClaimsTest, ASilentStrangerIsFollowedAfterAWhile) {
  leave_behind(stranger("b"), "run-1");
  Claims claims(folder_, this_process(), milliseconds(100));
  EXPECT_FALSE(claims.take("run-1")) << "first seen now";
  follow(claims, "run-1");
}

TEST_F(ClaimsTest, TimeThatPassedWhileTheWatcherStoodStillDoesNotCount) {
  leave_behind(stranger("b"), "run-1");
  const pid_t child = fork();
  if (child == 0) {
    Claims claims(folder_, this_process(), milliseconds(1000));
    if (claims.take("run-1")) _exit(1);
    raise(SIGSTOP);
    _exit(claims.take("run-1") ? 2 : 0);
  }
  int status = -1;
  waitpid(child, &status, WUNTRACED);
  ASSERT_TRUE(WIFSTOPPED(status));
  std::this_thread::sleep_for(milliseconds(1300));
  kill(child, SIGCONT);
  EXPECT_EQ(status_of(child), 0) << "the owner may have stood still as well, and beats again now";
}

TEST_F(ClaimsTest, AClaimTakenAgainIsAnotherOne) {
  Claims theirs(folder_, stranger("b"));
  ASSERT_TRUE(theirs.take("run-1"));
  const Owner first = *read_claim(file("run-1"));
  theirs.release("run-1");
  ASSERT_TRUE(theirs.take("run-1"));
  EXPECT_FALSE(read_claim(file("run-1"))->same_beat(first)) << "who watched the first would think it silent";
}

TEST_F(ClaimsTest, AStrangerWhoseHeartBeatsKeepsItsRun) {
  Claims theirs(folder_, stranger("b"), milliseconds(120));
  Claims ours(folder_, this_process(), milliseconds(500));
  ASSERT_TRUE(theirs.take("run-1"));
  for (int i = 0; i < 12; ++i) {
    EXPECT_FALSE(ours.take("run-1"));
    std::this_thread::sleep_for(milliseconds(60));
  }
  EXPECT_GT(read_claim(file("run-1"))->beat, 3);
}

TEST_F(ClaimsTest, AJobThatIsStartedAgainFollowsItself) {
  Owner before = stranger("node1");
  before.job = "7_1";
  Owner other = stranger("node1");
  other.job = "7_2";
  leave_behind(before, "run-1");
  leave_behind(other, "run-2");
  Owner now = stranger("node2");
  now.job = "7_1";
  Claims claims(folder_, now);
  EXPECT_TRUE(claims.take("run-1"));
  EXPECT_FALSE(claims.take("run-2"));
}

TEST_F(ClaimsTest, WhoWasFollowedNoticesIt) {
  Claims theirs(folder_, stranger("b"));
  ASSERT_TRUE(theirs.take("run-1"));
  leave_behind(stranger("c"), "run-1");
  EXPECT_FALSE(theirs.owns("run-1"));
  theirs.release("run-1");
  EXPECT_TRUE(fs::exists(file("run-1"))) << "it is not theirs to give back";
}

TEST_F(ClaimsTest, AnUnreadableClaimAgesAsWell) {
  std::ofstream(file("run-1")) << "{\"host\":";
  Claims claims(folder_, this_process(), milliseconds(100));
  EXPECT_FALSE(claims.take("run-1"));
  follow(claims, "run-1");
}

TEST_F(ClaimsTest, OfManyThatFollowOneSucceeds) {
  Owner earlier = this_process();
  earlier.started -= 1;
  leave_behind(earlier, "run-1");
  std::vector<pid_t> children;
  for (int i = 0; i < 8; ++i) {
    children.push_back(fork());
    if (children.back() != 0) continue;
    Claims claims(folder_);
    const bool taken = claims.take("run-1");
    usleep(300000);  // holds it while the others try
    _exit(taken ? 1 : 0);
  }
  int taken = 0;
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    taken += WEXITSTATUS(status);
  }
  EXPECT_EQ(taken, 1);
}

TEST_F(ClaimsTest, AFolderThatIsRemovedKeepsItsOwner) {
  Claims claims(folder_);
  ASSERT_TRUE(claims.take("run-1"));
  ASSERT_TRUE(claims.take("run-2"));
  fs::remove_all(folder_ + "/.qrun");
  EXPECT_TRUE(claims.owns("run-1"));
  EXPECT_TRUE(claims.owns("run-2"));
  fs::remove(file("run-1"));
  EXPECT_FALSE(claims.owns("run-1")) << "whoever followed has ended the run";
}

TEST_F(ClaimsTest, SaysWhyItCannotWrite) {
  fs::remove_all(folder_);
  Claims claims(folder_);
  EXPECT_THAT([&] { static_cast<void>(claims.take("run-1")); },
              testing::ThrowsMessage<EnvironmentError>(testing::HasSubstr("run-1.claim: No such file or directory")));
}

}  // namespace
}  // namespace qrun
