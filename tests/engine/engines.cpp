// Every test of EngineTest runs once for each engine that this machine has.
#include "engine/support.h"

namespace qrun {
namespace {

INSTANTIATE_TEST_SUITE_P(Engines, EngineTest, testing::ValuesIn(engine_cases()), case_name);

}  // namespace

std::string this_build() { return QRUN_BUILD; }

}  // namespace qrun
