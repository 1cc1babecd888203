#include "cli/engines.h"

#include <algorithm>
#include <filesystem>
#include <mutex>

#include "core/error.h"
#include "core/log.h"
#include "cpu/cpu_engine.h"
#include "engine/check_engine.h"
#include "engine/plugin.h"

namespace qrun {
namespace {

EngineProbe probe_cuda(int device) {
  std::error_code code;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", code);
  return open_cuda_engine(program.parent_path().string(), QRUN_BUILD, device);
}

/// Makes an engine with the instruction set that a run began with, if this machine has it: then the run ends with the
/// same bits.
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
  std::string text = std::string("qrun ") + QRUN_BUILD + "\n";
  std::string sets;
  for (const std::string& set : cpu_instruction_sets()) sets += (sets.empty() ? "" : ", ") + set;
  text += "engine cpu: " + sets + "\n";
  const EngineProbe cuda = probe_cuda(0);
  text += cuda.engine ? "engine cuda: " + cuda.engine->info().device : "engine " + cuda.problem;
  const LibraryInfo library = cuda.engine ? cuda.engine->product_library() : LibraryInfo{};
  if (cuda.engine) text += "\nlibrary " + (library.name.empty() ? library.problem : library.name);
  return text;
}

std::unique_ptr<Engine> make_engine(const EngineWish& wish) {
  if (wish.choice == EngineChoice::kCpu) return cpu_engine(wish.threads, wish.instruction_set);
  EngineProbe cuda = probe_cuda(wish.device);
  if (wish.choice == EngineChoice::kAuto) {
    static std::once_flag told;  // each job makes an engine of its own
    std::call_once(told, [&] {
      spdlog::info("engine={} ({})", cuda.engine ? "cuda" : "cpu",
                   cuda.engine ? cuda.engine->info().device : cuda.problem);
    });
    if (cuda.engine) return std::move(cuda.engine);
    return make_cpu_engine(wish.threads);
  }
  if (!cuda.engine) throw EnvironmentError(cuda.problem + "; use --engine cpu");
  if (wish.choice == EngineChoice::kCheck)
    return make_check_engine(cpu_engine(wish.threads, wish.instruction_set), std::move(cuda.engine));
  return std::move(cuda.engine);
}

}  // namespace qrun
