#include "cli/engines.h"

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "core/log.h"
#include "cpu/cpu_engine.h"
#include "engine/check_engine.h"
#include "engine/plugin.h"

namespace qrun {
namespace {

EngineProbe probe_cuda() {
  std::error_code code;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", code);
  return open_cuda_engine(program.parent_path().string(), QRUN_VERSION, 0);
}

/// With the instruction set that a run began with, if this machine has it: then it ends with the same bits.
std::unique_ptr<Engine> cpu_engine(int threads, const std::string& instruction_set) {
  const std::vector<std::string> sets = cpu_instruction_sets();
  const bool has = instruction_set.empty() || std::ranges::find(sets, instruction_set) != sets.end();
  std::unique_ptr<Engine> engine = make_cpu_engine(threads, has ? instruction_set : "");
  if (!has) {
    spdlog::warn("resume instruction_set={} was={} note=\"results may differ in their last bits\"",
                 engine->info().instruction_set, instruction_set);
  }
  return engine;
}

}  // namespace

BuildInfo build_info() { return {QRUN_VERSION, QRUN_GIT_COMMIT}; }

std::string version_text() {
  std::string text = std::string("qrun ") + QRUN_VERSION + " (" + QRUN_GIT_COMMIT + ")\n";
  std::string sets;
  for (const std::string& set : cpu_instruction_sets()) sets += (sets.empty() ? "" : ", ") + set;
  text += "engine cpu: " + sets + "\n";
  const EngineProbe cuda = probe_cuda();
  text += cuda.engine ? "engine cuda: " + cuda.engine->info().device : "engine " + cuda.problem;
  return text;
}

std::optional<EngineChoice> engine_choice(const std::string& name) {
  if (name == "auto") return EngineChoice::kAuto;
  if (name == "cpu") return EngineChoice::kCpu;
  if (name == "cuda") return EngineChoice::kCuda;
  if (name == "check") return EngineChoice::kCheck;
  return std::nullopt;
}

std::unique_ptr<Engine> make_engine(EngineChoice choice, int threads, const std::string& instruction_set) {
  if (choice == EngineChoice::kCpu) return cpu_engine(threads, instruction_set);
  EngineProbe cuda = probe_cuda();
  if (cuda.engine) {
    spdlog::warn(
        R"(engine=cuda device="{}" note="no GPU has run this engine before; --engine check compares it op by op")",
        cuda.engine->info().device);
  }
  if (choice == EngineChoice::kAuto) {
    if (cuda.engine) return std::move(cuda.engine);
    spdlog::info("engine=cpu ({})", cuda.problem);
    return make_cpu_engine(threads);
  }
  if (!cuda.engine) throw EnvironmentError(cuda.problem + "; use --engine cpu");
  if (choice == EngineChoice::kCheck)
    return make_check_engine(cpu_engine(threads, instruction_set), std::move(cuda.engine));
  return std::move(cuda.engine);
}

}  // namespace qrun
