#include "cpu/kernels/kernels.h"

#include <hwy/highway.h>

#include <algorithm>

#include "core/error.h"
#include "cpu/kernels/kernel_files.h"

namespace qrun::cpu {
namespace {

struct InstructionSet {
  const char* name;
  std::int64_t target;
};

constexpr InstructionSet kInstructionSets[] = {
    {"avx512", HWY_AVX3}, {"avx2", HWY_AVX2}, {"generic", HWY_STATIC_TARGET}};

/// A table for each instruction set of this machine, the best first. The library keeps the target of its dispatch in a
/// global that its own questions set as well: all tables are filled once, before anybody else can ask.
const std::vector<Kernels>& tables() {
  static const std::vector<Kernels> kAll = [] {
    const std::int64_t supported = hwy::SupportedTargets() | HWY_STATIC_TARGET;
    std::vector<Kernels> tables;
    for (const InstructionSet& set : kInstructionSets) {
      if ((supported & set.target) == 0) continue;
      hwy::GetChosenTarget().Update(set.target);
      Kernels& table = tables.emplace_back();
      table.name = set.name;
      fill_products_kernels(table);
      fill_depthwise_conv2d_kernels(table);
      fill_statistics_kernels(table);
      fill_pool2d_kernels(table);
      fill_elementwise_kernels(table);
      fill_batch_norm_kernels(table);
      fill_channel_scale_kernels(table);
      fill_lrn_kernels(table);
    }
    hwy::GetChosenTarget().Update(supported);
    return tables;
  }();
  return kAll;
}

}  // namespace

std::vector<std::string> instruction_sets() {
  std::vector<std::string> names;
  for (const Kernels& table : tables()) names.emplace_back(table.name);
  return names;
}

const Kernels& kernels(const std::string& name) {
  const auto found = std::ranges::find(tables(), name, &Kernels::name);
  QRUN_CHECK(found != tables().end(), "unknown instruction set " + name);
  return *found;
}

}  // namespace qrun::cpu
