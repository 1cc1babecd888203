// Which kernels an engine gets, whatever else happens in the process.
#include "cpu/kernels/kernels.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace qrun::cpu {
namespace {

bool same(const Kernels& a, const Kernels& b) {
  return a.tiles == b.tiles && a.filter == b.filter && a.row_gradient == b.row_gradient && a.depthwise == b.depthwise &&
         a.depthwise_filter == b.depthwise_filter && a.max_pool == b.max_pool &&
         a.max_pool_backward == b.max_pool_backward && a.max_abs_bits == b.max_abs_bits && a.moments == b.moments &&
         a.above == b.above && a.quantize == b.quantize && a.mask_saturated == b.mask_saturated && a.relu == b.relu &&
         a.relu_backward == b.relu_backward && a.update == b.update;
}

TEST(KernelsTest, EachInstructionSetHasItsOwn) {
  const std::vector<std::string> sets = instruction_sets();
  for (const std::string& a : sets) {
    EXPECT_EQ(kernels(a).name, a);
    for (const std::string& b : sets) EXPECT_EQ(same(kernels(a), kernels(b)), a == b) << a << " and " << b;
  }
}

TEST(KernelsTest, EnginesThatStartSideBySideGetThoseTheyAskedFor) {
  for (const std::string& set : instruction_sets()) {
    const Kernels alone = kernels(set);
    std::atomic<bool> stop = false;
    std::thread other([&] {
      while (!stop) (void)instruction_sets();
    });
    int wrong = 0;
    for (int i = 0; i < 2000; ++i) wrong += same(kernels(set), alone) ? 0 : 1;
    stop = true;
    other.join();
    EXPECT_EQ(wrong, 0) << set;
  }
}

}  // namespace
}  // namespace qrun::cpu
