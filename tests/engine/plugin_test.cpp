// Finding the CUDA plug-in, and saying why there is none.
#include "engine/plugin.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace qrun {
namespace {

namespace fs = std::filesystem;

class PluginTest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }
  [[nodiscard]] std::string problem(const std::string& version = QRUN_VERSION) const {
    const EngineProbe probe = open_cuda_engine(folder_, version, 0);
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

TEST_F(PluginTest, OneOfAnotherVersionIsRefused) {
  const fs::path own = fs::read_symlink("/proc/self/exe").parent_path() / "libqrun_cuda.so";
  if (!fs::exists(own)) GTEST_SKIP() << "built without nvcc";
  fs::create_symlink(own, folder_ + "/libqrun_cuda.so");
  EXPECT_THAT(problem("9.9.9"),
              testing::HasSubstr(std::string("belongs to version ") + QRUN_VERSION + ", this is 9.9.9"));
}

}  // namespace
}  // namespace qrun
