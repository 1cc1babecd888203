#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "cli/choices.h"
#include "cli/command.h"
#include "cli/dry_run.h"
#include "cli/engines.h"
#include "cli/paths.h"
#include "cli/process.h"
#include "config/read.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/home.h"
#include "core/log.h"
#include "report/leaderboard.h"
#include "runner/interrupt.h"
#include "runner/sweep_training.h"
#include "store/layout.h"
#include "store/sweep_file.h"

namespace qrun {
namespace {

struct RunOptions {
  std::string config, engine, output, log;
  std::vector<std::string> overrides, only;
  SweepOptions sweep;
  bool dry_run = false, json = false, quiet = false, verbose = false, no_progress = false;
};

/// Who names devices wants CUDA on them, not what is there.
EngineChoice on_devices(EngineChoice engine) {
  if (engine == EngineChoice::kCpu)
    throw ConfigError({"command line: --device", 0, 0}, "engine",
                      "cpu has no devices; say --engine cuda, or leave --device out");
  return engine == EngineChoice::kAuto ? EngineChoice::kCuda : engine;
}

/// The runs asked for, each with the engine that the command line wants.
std::vector<RunSpec> chosen_runs(const Sweep& sweep, const RunOptions& options) {
  std::vector<RunSpec> runs;
  std::set<std::string> unknown(options.only.begin(), options.only.end());
  for (const RunSpec& run : sweep.runs) {
    const std::string id = options.only.empty() ? "" : run.id();
    if (!options.only.empty() && std::ranges::find(options.only, id) == options.only.end()) continue;
    unknown.erase(id);
    runs.push_back(run);
    if (!options.engine.empty()) runs.back().engine = *find_named<EngineChoice>(options.engine);
    if (!options.sweep.devices.empty()) runs.back().engine = on_devices(runs.back().engine);
  }
  if (!unknown.empty())
    throw ConfigError({"command line: --only " + *unknown.begin(), 0, 0}, "only",
                      "no run of this configuration has that id; `--dry-run` lists them");
  return runs;
}

bool is_left(const Standing& standing) { return !standing.left.empty(); }

int exit_code(const std::vector<Standing>& standings, bool wait) {
  const auto all = [&](Stage stage) {
    return std::ranges::all_of(standings, [&](const Standing& s) { return s.stage == stage; });
  };
  const auto any = [&](Stage stage) {
    return std::ranges::any_of(standings, [&](const Standing& s) { return s.stage == stage; });
  };
  const bool left = std::ranges::any_of(standings, is_left);
  if (all(Stage::kComplete) && !left) return kAllComplete;
  if (interrupted()) return kInterrupted;
  if (any(Stage::kFailed)) return kRunFailed;
  if (left) return kEnvironment;
  return wait ? kInterrupted : kAllComplete;  // the rest is with others
}

/// Says each line once, though the index is written anew after every pack.
class LeftOutLines {
 public:
  void say(const LeftOut& left_out) {
    for (const auto* lines : {&left_out.problems, &left_out.notes}) {
      for (const std::string& line : *lines) {
        if (said_.insert(line).second) spdlog::warn(R"(left out of {} reason="{}")", kIndexName, line);
      }
    }
  }

 private:
  std::set<std::string> said_;
};

/// Says which runs are left, at the end, where it is seen.
void say_left(const std::vector<Standing>& standings, const SweepPlan& plan) {
  for (std::size_t i = 0; i < standings.size(); ++i) {
    if (!standings[i].left.empty()) spdlog::error(R"(left run={} reason="{}")", plan.runs()[i].id, standings[i].left);
  }
}

/// Returns the paths of the runs' files, a line for each.
std::string run_files(const std::vector<Standing>& standings) {
  std::string text;
  for (const Standing& standing : standings) {
    if (!standing.path.empty() && !is_left(standing)) text += standing.path + "\n";
  }
  return text;
}

/// The sweep's own runs, and how many others lie in its folder.
std::string own_table(const SweepPlan& plan, const std::string& folder) {
  std::set<std::string> own;
  for (const PlannedRun& run : plan.runs()) own.insert(hash_of(run.id));
  const Leaderboard board = collect_runs({folder}, [&](const std::string& id) { return own.contains(hash_of(id)); });
  std::string text = to_table(board);
  if (board.others > 0)
    text += fmt::format("beside them: {} other run{}; qrun show {} compares all\n", board.others,
                        board.others == 1 ? "" : "s", folder);
  return text;
}

/// One line is enough where nothing can be done at all.
void refuse_if_all_are_left(const SweepPlan& plan) {
  if (std::ranges::any_of(plan.runs(), [](const PlannedRun& run) { return !is_left(run.standing); })) return;
  const std::size_t more = plan.runs().size() - 1;
  throw EnvironmentError(plan.runs().front().standing.left + (more > 0 ? fmt::format("; likewise {} more", more) : ""));
}

/// Throws EnvironmentError where `products: cudnn` finds no cuDNN. An engine that has no use for one says so.
void refuse_without_library(const Engine& engine, Products products) {
  if (products != Products::kCudnn) return;
  const LibraryInfo library = engine.product_library();
  if (!library.problem.empty()) throw EnvironmentError(library.problem + "; products: own goes without cuDNN");
  if (library.name.empty())
    spdlog::warn("products=own (cudnn was asked for: the {} engine computes all products itself)", engine.info().name);
}

int train(SweepPlan& plan, const Sweep& sweep, const std::string& dir, const RunOptions& options) {
  refuse_if_all_are_left(plan);
  if (const auto first = std::ranges::find_if(plan.runs(), [&](const PlannedRun& r) { return plan.to_do(r); });
      first != plan.runs().end()) {
    const auto engine = make_engine({first->spec->engine, options.sweep.threads, "", options.sweep.device_of(0)});
    plan.refuse_what_cannot_fit(engine->info());
    refuse_without_library(*engine, first->spec->products);
  }
  const ResultsFolder folder(dir, sweep.name);
  if (sweep.is_sweep) folder.freeze(sweep.text);
  for (const PlannedRun& run : plan.runs()) {
    if (!plan.to_do(run) && run.standing.left.empty())
      spdlog::info("skip run={} status={} file={}", run.id, name_of(run.standing.stage), run.standing.path);
  }
  install_interrupts();
  Progress progress(progress_style(options.quiet, options.no_progress));
  SweepFile index(folder.path());
  LeftOutLines lines;
  std::string no_index;  // why the last one could not be written
  const auto after_pack = [&] {
    if (!sweep.is_sweep && !std::filesystem::exists(index.path())) return;
    try {
      lines.say(index.update());
      no_index.clear();
    } catch (const Irreplaceable& error) {  // an index is never the only copy
      no_index = error.what();
    }
  };
  const SweepTools tools{make_engine, build_info(), progress, interrupted(), after_pack};
  SweepTraining training(plan, folder, tools);
  training.run();
  after_pack();
  std::string text = own_table(plan, folder.path());
  if (!sweep.is_sweep) {
    text += run_files(training.standings());
  } else if (no_index.empty()) {
    text += index.path() + "\n";
  }
  print(text);
  say_left(training.standings(), plan);
  if (!no_index.empty()) spdlog::error(R"(left file={} reason="{}")", index.path(), no_index);
  const int code = exit_code(training.standings(), options.sweep.wait);
  return code == kAllComplete && !no_index.empty() ? kEnvironment : code;
}

int run(const RunOptions& options) {
  set_up_log(options.quiet ? LogLevel::kQuiet : (options.verbose ? LogLevel::kVerbose : LogLevel::kNormal),
             options.log);
  const Sweep sweep = read_config(options.config, options.overrides);
  for (const std::string& warning : sweep.warnings) spdlog::warn("{}", warning);
  const std::string dir = options.output.empty() ? expand_home(sweep.output.dir) : options.output;
  const std::vector<RunSpec> runs = chosen_runs(sweep, options);
  SweepPlan plan(runs, options.sweep, Layout(dir, sweep.name).folder());
  for (const std::string& warning : plan.warnings()) spdlog::warn("{}", warning);
  if (!options.dry_run) {
    const int code = train(plan, sweep, dir, options);
    return code == kAllComplete && !log_is_whole() ? kEnvironment : code;
  }
  print(dry_run_text(plan, options.json));
  std::vector<Standing> standings;
  for (const PlannedRun& run : plan.runs()) standings.push_back(run.standing);
  say_left(standings, plan);
  return std::ranges::any_of(standings, is_left) ? kEnvironment : kAllComplete;
}

void add_options(CLI::App& command, Action& action) {
  auto options = std::make_shared<RunOptions>();
  as_path(command.add_option("CONFIG", options->config, "YAML file"))->required();
  command.add_option("KEY=VALUE", options->overrides, "changes of single values, such as solver.lr=0.02");
  CLI::Option* dry_run = command.add_flag("--dry-run", options->dry_run, "list the runs and what each would do");
  command.add_flag("--json", options->json, "with --dry-run: as JSON")->needs(dry_run);
  command.add_option("--threads", options->sweep.threads, "threads of the CPU engine; default: one a processor")
      ->check(CLI::Range(1, 4096));
  command.add_option("--pack", options->sweep.pack, "runs trained together; default: what fits")
      ->check(CLI::Range(1, 65535));
  command
      .add_option("--jobs", options->sweep.jobs,
                  "packs side by side, sharing threads and devices; default: 1, or one for each device")
      ->check(CLI::Range(1, 4096));
  command.add_option("--device", options->sweep.devices, "GPUs to spread packs over, counted from 0, such as 0,1")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(0, 1023));
  command.add_option("--engine", options->engine, "instead of the configuration's: " + one_of(choices<EngineChoice>()))
      ->check(CLI::IsMember(choices<EngineChoice>()));
  as_path(command.add_option("--output", options->output, "folder of results, instead of output.dir"));
  command.add_option("--only", options->only, "run only this RUN_ID (repeatable)")->allow_extra_args(false);
  command.add_flag("--force", options->sweep.force, "run again what is complete, and anew what saw other data");
  command.add_flag("--retry-failed", options->sweep.retry_failed, "run again what has failed");
  command.add_option("--retries", options->sweep.retries, "tries of a run that fails, beyond the first; default: 0")
      ->check(CLI::Range(0, 1000));
  command.add_flag("--fail-fast", options->sweep.fail_fast, "stop at the first run that fails");
  command.add_flag_callback(
      "--no-wait", [options] { options->sweep.wait = false; }, "end when other processes train all that is left");
  command.add_flag("--quiet", options->quiet, "warnings and errors only on stderr");
  command.add_flag("--verbose", options->verbose, "packs, tests and checkpoints in the log, too");
  command.add_flag("--no-progress", options->no_progress, "plain lines instead of the live one");
  as_path(command.add_option("--log", options->log, "write the log to this file, too"));
  command.footer("Example: qrun configs/lenet_2bit.yaml solver.lr=0.02 --threads 2");
  command.callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace

Command run_command() {
  return {.name = "run",
          .about = "train what a configuration describes; finished runs are skipped",
          .order = 1,
          .add_options = add_options};
}

}  // namespace qrun
