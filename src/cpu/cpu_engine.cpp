#include "cpu/cpu_engine.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "core/error.h"
#include "core/machine.h"
#include "cpu/program.h"

namespace qrun {
namespace {

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown processor";
}

class CpuEngine : public Engine {
 public:
  CpuEngine(int threads, const std::string& instruction_set)
      : kernels_(cpu::kernels(instruction_set)),
        workers_(std::make_shared<cpu::Workers>(threads)),
        device_(processor_name()) {}

  [[nodiscard]] EngineInfo info() const override {
    return {.name = "cpu",
            .device = device_,
            .instruction_set = kernels_.name,
            .arithmetic = "float",
            .threads = workers_->threads(),
            .pack = workers_->threads()};
  }
  std::unique_ptr<Program> load(const Plan& plan, std::vector<RunFeeds> feeds) override {
    return std::make_unique<cpu::CpuProgram>(plan, std::move(feeds), kernels_, workers_);
  }

 private:
  cpu::Kernels kernels_;
  std::shared_ptr<cpu::Workers> workers_;
  std::string device_;
};

}  // namespace

std::vector<std::string> cpu_instruction_sets() { return cpu::instruction_sets(); }

std::unique_ptr<Engine> make_cpu_engine(int threads, const std::string& instruction_set) {
  const std::vector<std::string> sets = cpu_instruction_sets();
  const char* wish = std::getenv("QRUN_INSTRUCTION_SET");
  std::string name = instruction_set.empty() && wish != nullptr ? wish : instruction_set;
  if (name.empty()) name = sets.front();
  if (std::ranges::find(sets, name) == sets.end()) {
    std::string known;
    for (const std::string& set : sets) known += (known.empty() ? "" : ", ") + set;
    throw EnvironmentError("instruction set " + name + " is not available on this machine; it has " + known);
  }
  return std::make_unique<CpuEngine>(threads > 0 ? threads : usable_processors(), name);
}

}  // namespace qrun
