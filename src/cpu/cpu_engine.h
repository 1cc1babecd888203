// The CPU engine: any machine, any shape; bit-equal results for any number of threads.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace qrun {

/// Instruction sets this machine can run, best first: of avx512, avx2, generic.
[[nodiscard]] std::vector<std::string> cpu_instruction_sets();

/// Makes the CPU engine. `threads` 0: one for each processor that may be used. `instruction_set` empty: the best, or
/// what the environment variable QRUN_INSTRUCTION_SET names. Throws EnvironmentError if this machine lacks it.
[[nodiscard]] std::unique_ptr<Engine> make_cpu_engine(int threads, const std::string& instruction_set = "");

}  // namespace qrun
