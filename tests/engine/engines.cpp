// Every test of EngineTest runs once for each of these; a missing one is seen in this line.
#include <iostream>

#include "engine/support.h"

namespace qrun {
namespace {

std::vector<EngineCase> announced_cases() {
  std::cout << "engines tested: cpu (";
  const std::vector<std::string> sets = cpu_instruction_sets();
  for (std::size_t i = 0; i < sets.size(); ++i) std::cout << (i > 0 ? ", " : "") << sets[i];
  std::cout << "), cuda (emulated)\n";
  return engine_cases();
}

INSTANTIATE_TEST_SUITE_P(Engines, EngineTest, testing::ValuesIn(announced_cases()), case_name);

}  // namespace
}  // namespace qrun
