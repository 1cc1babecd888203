// What the CUDA engine does where the device says no.
#include <cuda_runtime.h>
#include <gmock/gmock.h>

#include "core/error.h"
#include "engine/small_net.h"

namespace qrun {
namespace {

TEST(CudaEngine, APackThatDoesNotFitIsAnErrorThatASmallerOneMayNotHave) {
  std::vector<RunSpec> specs;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) specs.push_back(small_net(seed, 2));
  const auto engine = make_engine({"emulated", "", 1});
  const auto load = [&](std::size_t runs) {
    const Plan plan = lower({specs.begin(), specs.begin() + static_cast<std::ptrdiff_t>(runs)}, {{1, 10, 10}, 1000});
    return engine->load(plan, {});
  };
  emulation::memory_left = 1 << 20;
  try {
    (void)load(8);
    FAIL() << "fits";
  } catch (const EnvironmentError&) {
    FAIL() << "would end the whole sweep";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("cudaMalloc: out of memory"));
  }
  emulation::memory_left = 1 << 20;
  EXPECT_NO_THROW((void)load(2));
  emulation::memory_left = -1;
}

}  // namespace
}  // namespace qrun
