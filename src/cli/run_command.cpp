#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/engines.h"
#include "core/error.h"
#include "core/log.h"
#include "data/dataset.h"
#include "plan/lower.h"
#include "runner/interrupt.h"
#include "runner/pack.h"
#include "spec/read.h"
#include "store/leaderboard.h"

namespace qrun {
namespace {

struct RunOptions {
  std::string config, engine, output, log;
  std::vector<std::string> overrides, only;
  int threads = 0;
  bool dry_run = false, json = false, force = false, quiet = false, verbose = false, no_progress = false;
};

/// What one run is before the program starts on it.
struct Planned {
  const RunSpec* spec;
  std::string state;  // new, complete, interrupted, failed
  std::string path;   // of its file, if there is one
  [[nodiscard]] bool to_do(bool force) const { return force || state != "complete"; }
};

std::vector<Planned> plan_runs(const Sweep& sweep, const RunOptions& options, const std::string& folder) {
  std::vector<Planned> planned;
  for (const RunSpec& run : sweep.runs) {
    const std::string id = run.id();
    if (!options.only.empty() && std::ranges::find(options.only, id) == options.only.end()) continue;
    Planned one{&run, "new", ""};
    if (const auto file = find_run_file(folder, run)) {
      one.path = *file;
      try {
        one.state = read_run(*file, ReadDepth::kSummary).status;
      } catch (const Error& error) {
        spdlog::warn(R"(damaged file="{}" action="run again" reason="{}")", *file, error.what());
      }
    }
    planned.push_back(std::move(one));
  }
  for (const std::string& id : options.only) {
    const bool known = std::ranges::any_of(sweep.runs, [&](const RunSpec& run) { return run.id() == id; });
    if (!known)
      throw ConfigError({"command line: --only " + id, 0, 0}, "only",
                        "no run of this configuration has that id; `--dry-run` lists them");
  }
  return planned;
}

int dry_run(const std::vector<Planned>& runs, const RunOptions& options) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  std::string table =
      fmt::format("{:<24}  {:<11}  {:>6}  {:>10}  {}\n", "run", "state", "epochs", "iterations", "action");
  for (const Planned& run : runs) {
    const RunData data = open_data(run.spec->data);
    const Plan plan = lower({*run.spec}, {data.shape, data.train->items()});
    check_labels(*run.spec, data, plan.classes);
    const std::string action = run.to_do(options.force) ? "train" : "skip";
    const std::int64_t iterations = plan.runs[0].iterations;
    table += fmt::format("{:<24}  {:<11}  {:>6}  {:>10}  {}\n", run.spec->id(), run.state, run.spec->train.epochs,
                         iterations, action);
    list.push_back({{"run_id", run.spec->id()},
                    {"state", run.state},
                    {"epochs", run.spec->train.epochs},
                    {"iterations", iterations},
                    {"action", action}});
  }
  std::fputs(options.json ? (list.dump(1) + "\n").c_str() : table.c_str(), stdout);
  return kAllComplete;
}

int exit_code(const std::vector<RunOutcome>& outcomes) {
  const auto any = [&](const char* status) {
    return std::ranges::any_of(outcomes, [&](const RunOutcome& outcome) { return outcome.status == status; });
  };
  if (any("interrupted")) return kInterrupted;
  return any("failed") ? kRunFailed : kAllComplete;
}

int train(const std::vector<Planned>& runs, const RunOptions& options, const Sweep& sweep) {
  const std::string dir = options.output.empty() ? sweep.output.dir : options.output;
  std::vector<RunOutcome> outcomes;
  std::vector<std::string> files;
  std::unique_ptr<Engine> engine;
  install_interrupts();
  Progress progress(progress_style(options.quiet, options.no_progress));
  for (const Planned& run : runs) {
    if (!run.to_do(options.force)) {
      spdlog::info("skip run={} status=complete file={}", run.spec->id(), run.path);
      files.push_back(run.path);
      continue;
    }
    if (interrupted()) break;
    // Mistakes are found here, before the folder is touched.
    const RunData data = open_data(run.spec->data);
    check_labels(*run.spec, data, lower({*run.spec}, {data.shape, data.train->items()}).classes);
    const ResultsFolder folder(dir, sweep.name);
    const EngineChoice choice = options.engine.empty() ? run.spec->engine : *engine_choice(options.engine);
    if (!engine) engine = make_engine(choice, options.threads);
    for (RunOutcome& outcome : train_pack({*run.spec}, *engine, build_info(), folder, progress, interrupted())) {
      files.push_back(outcome.path);
      if (!run.path.empty() && run.path != outcome.path)
        std::filesystem::remove(run.path);  // the same run under an older readable name
      outcomes.push_back(std::move(outcome));
    }
  }
  std::fputs(to_table(collect_runs(files)).c_str(), stdout);
  for (const std::string& file : files) std::printf("%s\n", file.c_str());
  return exit_code(outcomes);
}

int run(const RunOptions& options) {
  set_up_log(options.quiet ? LogLevel::kQuiet : (options.verbose ? LogLevel::kVerbose : LogLevel::kNormal),
             options.log);
  const Sweep sweep = read_config(options.config, options.overrides);
  const std::string dir = options.output.empty() ? sweep.output.dir : options.output;
  const std::vector<Planned> runs = plan_runs(sweep, options, (std::filesystem::path(dir) / sweep.name).string());
  return options.dry_run ? dry_run(runs, options) : train(runs, options, sweep);
}

}  // namespace

void add_run(CLI::App& app, Action& action) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "train what a configuration describes; finished runs are skipped");
  command->add_option("CONFIG", options->config, "YAML file")->required();
  command->add_option("KEY=VALUE", options->overrides, "changes of single values, such as solver.lr=0.02");
  command->add_flag("--dry-run", options->dry_run, "list the runs and what each would do");
  command->add_flag("--json", options->json, "with --dry-run: as JSON");
  command->add_option("--threads", options->threads, "threads of the CPU engine; default: one a processor")
      ->check(CLI::Range(1, 4096));
  command->add_option("--engine", options->engine, "instead of the configuration's: auto, cpu, cuda or check")
      ->check(CLI::IsMember({"auto", "cpu", "cuda", "check"}));
  command->add_option("--output", options->output, "folder of results, instead of output.dir");
  command->add_option("--only", options->only, "run only this RUN_ID (repeatable)")->allow_extra_args(false);
  command->add_flag("--force", options->force, "run again what is complete");
  command->add_flag("--quiet", options->quiet, "warnings and errors only on stderr");
  command->add_flag("--verbose", options->verbose, "more in the log");
  command->add_flag("--no-progress", options->no_progress, "plain lines instead of the live one");
  command->add_option("--log", options->log, "write the log to this file, too");
  command->footer("Example: qrun configs/lenet_2bit.yaml solver.lr=0.02 --threads 2");
  command->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace qrun
