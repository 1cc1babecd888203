#include "cpu/kernels.h"

#include <hwy/highway.h>

#include <mutex>

#include "core/error.h"
#include "cpu/kernel_files.h"

namespace qrun::cpu {
namespace {

struct InstructionSet {
  const char* name;
  std::int64_t target;
};

constexpr InstructionSet kInstructionSets[] = {
    {"avx512", HWY_AVX3}, {"avx2", HWY_AVX2}, {"generic", HWY_STATIC_TARGET}};

bool usable(const InstructionSet& set) {
  return set.target == HWY_STATIC_TARGET || (hwy::SupportedTargets() & set.target) != 0;
}

}  // namespace

std::vector<std::string> instruction_sets() {
  std::vector<std::string> names;
  for (const InstructionSet& set : kInstructionSets) {
    if (usable(set)) names.emplace_back(set.name);
  }
  return names;
}

Kernels kernels(const std::string& name) {
  static std::mutex mutex;  // the library's choice of a target is global: taken for the moment of filling the table
  const std::lock_guard lock(mutex);
  Kernels table{};
  for (const InstructionSet& set : kInstructionSets) {
    if (name != set.name || !usable(set)) continue;
    table.name = set.name;
    hwy::SetSupportedTargetsForTest(set.target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    fill_product_kernels(table);
    fill_statistics_kernels(table);
    fill_element_kernels(table);
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  QRUN_CHECK(table.name != nullptr, "unknown instruction set " + name);
  return table;
}

}  // namespace qrun::cpu
