// A leading `~` in paths, and what can't be meant in one.
#include "core/home.h"

#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

namespace qrun {
namespace {

/// $HOME for one test.
class Home : public testing::Test {
 protected:
  Home() { setenv("HOME", "/somewhere/at home", 1); }
  ~Home() override { was_.empty() ? unsetenv("HOME") : setenv("HOME", was_.c_str(), 1); }

 private:
  std::string was_ = std::getenv("HOME") == nullptr ? "" : std::getenv("HOME");
};

TEST_F(Home, ReplacesALeadingTilde) {
  EXPECT_EQ(expand_home("~"), "/somewhere/at home");
  EXPECT_EQ(expand_home("~/data/train"), "/somewhere/at home/data/train");
  for (const std::string path : {"", "a/~/b", "./~/b", "a~", "/~"}) EXPECT_EQ(expand_home(path), path);
}

TEST_F(Home, IsThatOfTheUserWhoIsNamed) {
  const passwd* const self = getpwuid(getuid());
  ASSERT_NE(self, nullptr);
  EXPECT_EQ(expand_home(std::string("~") + self->pw_name + "/x"), std::string(self->pw_dir) + "/x");
  EXPECT_EQ(expand_home("~no_such_user/x"), "~no_such_user/x");
  unsetenv("HOME");
  EXPECT_EQ(expand_home("~/x"), std::string(self->pw_dir) + "/x") << "as the system knows it";
}

TEST_F(Home, PathsThatCannotBeMeantAreExplained) {
  EXPECT_EQ(path_problem("$HOME/data"),
            "$HOME/data holds $HOME, which nothing fills in; a configuration takes ${env:HOME}, a shell $HOME outside "
            "of single quotes");
  EXPECT_EQ(path_problem("a/5$/$my_dir2.x").find("a/5$/$my_dir2.x holds $my_dir2,"), 0U);
  EXPECT_EQ(path_problem("~no_such_user/x"),
            "~no_such_user/x names the home folder of a user who is not known; write ./~no_such_user/x for one called "
            "so");
  for (const std::string path : {"", "~", "~/x", "5$", "$", "a$1", "a$/b", "data/100%"})
    EXPECT_EQ(path_problem(path), "");
}

}  // namespace
}  // namespace qrun
