// What the CUDA engine does where the device says no.
#include <cuda_runtime.h>
#include <gmock/gmock.h>

#include <atomic>

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

TEST(CudaEngine, AFailureWhileLaunchesAreNotedLeavesTheStreamUsable) {
  const cuda::Stream stream;
  cuda::Graph graph;
  EXPECT_THROW(graph.capture(stream, [] { throw Error("in between"); }), Error);
  const cuda::DeviceArray<int> memory(1);
  stream.write(memory.data(), std::vector{7});
  EXPECT_EQ(stream.read(memory.data(), 1), std::vector{7});
  EXPECT_TRUE(graph.empty());
}

TEST(CudaEngine, TheSizeOfTheDeviceChangesNoBit) {
  const auto losses_on = [](int multiprocessors) {
    emulation::multiprocessors = multiprocessors;
    const Plan plan = lower({small_net(1, 2)}, {{1, 10, 10}, 1000});
    const auto program = make_engine({"emulated", "", 1})
                             ->load(plan, {{std::make_shared<StripeFeed>(1000), std::make_shared<StripeFeed>(95)}});
    initialise(*program, plan);
    const std::atomic<bool> go_on{false};
    return program->train(3, go_on).losses;
  };
  const auto large = losses_on(132);
  EXPECT_EQ(losses_on(1), large);
  EXPECT_EQ(losses_on(24), large);
  emulation::multiprocessors = 132;
}

}  // namespace
}  // namespace qrun
