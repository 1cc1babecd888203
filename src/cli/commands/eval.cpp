// `qrun eval`: a stored network, tested again.
#include <fmt/format.h>

#include <memory>

#include "cli/command.h"
#include "cli/engines.h"
#include "cli/paths.h"
#include "cli/process.h"
#include "core/log.h"
#include "runner/evaluate.h"

namespace qrun {
namespace {

/// Other engines and instruction sets add in another order, which may turn a close call.
std::unique_ptr<Engine> engine_that_trained(const std::string& file, int threads) {
  const RunRecord record = read_run(file, ReadDepth::kSummary);
  if (record.engine == "cuda") return make_engine({EngineChoice::kAuto, threads});
  return make_engine({EngineChoice::kCpu, threads, last_instruction_set(record)});
}

int eval(const std::string& file, int threads) {
  set_up_log(LogLevel::kQuiet, "");
  const std::unique_ptr<Engine> engine = engine_that_trained(file, threads);
  const Evaluation result = evaluate(file, *engine);
  std::string top;
  for (const auto& [k, accuracy] : result.top) top += fmt::format(", top-{} accuracy={:.4f}", k, accuracy);
  print(fmt::format("{}: test accuracy={:.4f}{}, loss={:.4f}, {} of {} predictions differ from the stored ones\n", file,
                    result.accuracy, top, result.loss, result.differing, result.items));
  return result.differing == 0 ? kAllComplete : kRunFailed;
}

void add_options(CLI::App& command, Action& action) {
  struct Options {
    std::string file;
    int threads = 0;
  };
  auto options = std::make_shared<Options>();
  as_path(command.add_option("RUN", options->file, "run file (.h5)"))->required();
  command.add_option("--threads", options->threads, "default: one a processor")->check(CLI::Range(1, 4096));
  command.footer(
      "Example: qrun eval results/lenet_2bit/run-0123456789ab.h5\nExit code 1 if any prediction differs from the "
      "stored ones.");
  command.callback([options, &action] { action = [options] { return eval(options->file, options->threads); }; });
}

}  // namespace

Command eval_command() {
  return {.name = "eval",
          .about = "test a stored network again, from its integer codes alone",
          .order = 5,
          .add_options = add_options};
}

}  // namespace qrun
