// Finding the CUDA plug-in, and saying why there is none.
#include "engine/plugin.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "engine/support.h"

namespace qrun {
namespace {

namespace fs = std::filesystem;

class PluginTest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }
  [[nodiscard]] std::string problem(const std::string& build = "1.2.3 (abc)") const {
    const EngineProbe probe = open_cuda_engine(folder_, build, 0);
    EXPECT_EQ(probe.engine, nullptr);
    return probe.problem;
  }
  std::string folder_ =
      fs::temp_directory_path() /
      (std::string("qrun_") + testing::UnitTest::GetInstance()->current_test_info()->name() + std::to_string(getpid()));
};

TEST_F(PluginTest, AMissingOneIsNamed) {
  EXPECT_THAT(problem(), testing::HasSubstr("no libqrun_cuda.so beside the program"));
}

TEST_F(PluginTest, ADamagedOneIsNamed) {
  std::ofstream(folder_ + "/libqrun_cuda.so") << "no library";
  EXPECT_THAT(problem(), testing::AllOf(testing::HasSubstr("cuda: "), testing::HasSubstr("libqrun_cuda.so")));
}

TEST_F(PluginTest, AnotherLibraryIsRefused) {
  for (const char* place :
       {"/lib/x86_64-linux-gnu/libz.so.1", "/lib/aarch64-linux-gnu/libz.so.1", "/usr/lib64/libz.so.1"}) {
    if (fs::exists(place)) {
      fs::create_symlink(place, folder_ + "/libqrun_cuda.so");
      EXPECT_THAT(problem(), testing::HasSubstr("is not a plug-in of qrun"));
      return;
    }
  }
  GTEST_SKIP() << "no library to try it with";
}

TEST_F(PluginTest, OneOfAnotherBuildIsRefused) {
  const fs::path other = fs::read_symlink("/proc/self/exe").parent_path() / "other/libqrun_cuda.so";
  fs::create_symlink(other, folder_ + "/libqrun_cuda.so");
  const auto problem_with = [this](const std::string& plugin, const std::string& program) {
    setenv("QRUN_TEST_BUILD", plugin.c_str(), 1);
    return problem(program);
  };
  const auto refuses = [this](const std::string& plugin, const std::string& program) {
    return testing::StrEq("cuda: " + folder_ + "/libqrun_cuda.so belongs to version " + plugin + ", this is " +
                          program + "; build and install both together");
  };
  EXPECT_EQ(problem_with("1.2.3 (abc)", "1.2.3 (abc)"), "cuda: no device 0 in a test");
  EXPECT_EQ(problem_with("1.2.3 (unknown)", "1.2.3 (unknown)"), "cuda: no device 0 in a test") << "built without git";
  for (const auto& [plugin, program] :
       std::vector<std::pair<std::string, std::string>>{{"1.2.3 (abd)", "1.2.3 (abc)"},
                                                        {"1.2.4 (abc)", "1.2.3 (abc)"},
                                                        {"1.2.3 (unknown)", "1.2.3 (abc)"},
                                                        {"1.2.3", "1.2.3 (abc)"}})
    EXPECT_THAT(problem_with(plugin, program), refuses(plugin, program));
}

TEST_F(PluginTest, TheProgramsOwnIsOfItsBuild) {
  const EngineProbe probe = probe_cuda();
  EXPECT_THAT(probe.problem, testing::Not(testing::HasSubstr("belongs to version")));
}

}  // namespace
}  // namespace qrun
