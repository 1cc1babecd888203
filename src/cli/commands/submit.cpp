// `qrun submit`: a sweep as a Slurm job array.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <numeric>

#include "cli/command.h"
#include "cli/engines.h"
#include "cli/paths.h"
#include "cli/process.h"
#include "config/read.h"
#include "core/error.h"
#include "core/home.h"
#include "core/log.h"
#include "engine/plugin.h"
#include "runner/estimate.h"
#include "runner/results_folder.h"
#include "runner/slurm.h"
#include "runner/slurm_site.h"
#include "store/layout.h"

namespace qrun {
namespace {

namespace fs = std::filesystem;

struct SubmitOptions {
  std::string config, output;
  std::vector<std::string> overrides;
  bool dry_run = false;
};

/// An array needs time limits and sizes from somewhere; without `cluster:` the site's defaults hold.
ClusterSpec cluster_of(const Sweep& sweep) { return sweep.runs.front().cluster.value_or(ClusterSpec{}); }

/// A GPU that no one here can ask.
const EngineInfo kSomeGpu{.pack = kDevicePack, .memory = std::numeric_limits<std::int64_t>::max()};

/// The GPUs of an element, as Slurm numbers them.
std::vector<int> devices_of(const Sweep& sweep, const ClusterSpec& cluster, const std::string& config) {
  if (std::ranges::any_of(sweep.runs, [](const RunSpec& run) { return run.engine == EngineChoice::kCpu; }))
    throw ConfigError({config, 0, 0}, "cluster.gpus", "engine: cpu has no use for GPUs; leave one of the two out");
  std::vector<int> devices(static_cast<std::size_t>(cluster.gpus));
  std::iota(devices.begin(), devices.end(), 0);
  return devices;
}

/// An engine that tells what elements take; nothing where they have GPUs and this machine has none.
std::unique_ptr<Engine> engine_like_elements(const ClusterSpec& cluster) {
  if (cluster.gpus == 0) return make_engine({EngineChoice::kCpu, static_cast<int>(cluster.cpus)});
  try {
    return make_engine({EngineChoice::kCuda});
  } catch (const EnvironmentError& error) {
    spdlog::info("no trial ({}): an element for each pack, within the limits of cluster", error.what());
    return nullptr;
  }
}

/// Slurm's patterns have no way to write a `\`, its directives none for the end of a line: jobs would die without a
/// log.
void refuse_unwritable_logs(const std::string& dir) {
  if (dir.find_first_of("\\\n") != dir.npos)
    throw ConfigError({dir, 0, 0}, "output.dir",
                      "Slurm writes no logs below a folder whose name holds \\ or a line break; choose another");
}

/// Submits the array; returns its id.
std::string submit_array(const std::string& script, std::int64_t elements) try {
  std::string id = sbatch({script});
  if (!may_requeue(id))
    spdlog::warn(
        "job {} may not be queued again (Requeue=0, by the site or cluster.options): an element that comes to its time "
        "limit ends there; a further `qrun submit` goes on",
        id);
  return id;
} catch (const EnvironmentError& error) {
  throw EnvironmentError(explain_refusal(error.what(), elements));
}

/// Has a job collect once the array `id` has ended; says which. A site that takes no more jobs costs only that one.
std::string collector(const SlurmJob& job, const Layout& layout, const std::string& id) try {
  return fmt::format(
      "; job {} collects",
      sbatch({"--dependency=afterany:" + id, "--job-name=qrun-" + job.name + "-collect",
              "--output=" + log_pattern(layout.slurm_logs(), kCollectLog),
              "--wrap=" + shell_quoted(job.program) + " show --collect " + shell_quoted(layout.folder())}));
} catch (const EnvironmentError& error) {
  spdlog::warn("no job collects ({}): when the array has ended, `qrun show --collect {}` does", error.what(),
               shell_word(layout.folder()));
  return "";
}

int submit(const SubmitOptions& options) {
  set_up_log(LogLevel::kNormal, "");
  const Sweep sweep = read_config(options.config, options.overrides);
  for (const std::string& warning : sweep.warnings) spdlog::warn("{}", warning);
  const ClusterSpec cluster = cluster_of(sweep);
  const fs::path dir =
      fs::absolute(options.output.empty() ? expand_home(sweep.output.dir) : options.output).lexically_normal();
  refuse_unwritable_logs(dir.string());
  SweepOptions run_options;
  run_options.threads = static_cast<int>(cluster.cpus);
  run_options.pack = static_cast<int>(cluster.pack);
  if (cluster.gpus > 0) run_options.devices = devices_of(sweep, cluster, options.config);
  const Layout layout(dir, sweep.name);
  SweepPlan plan(sweep.runs, run_options, layout.folder());
  for (const std::string& warning : plan.warnings()) spdlog::warn("{}", warning);
  if (std::ranges::none_of(plan.runs(), [&plan](const PlannedRun& run) { return plan.to_do(run); })) {
    print("all runs have ended; `qrun show` lists them\n");
    return kAllComplete;
  }
  const SlurmSite site = options.dry_run ? SlurmSite{} : ask_site(cluster.partition);
  for (const std::string& warning : requeue_warnings(site)) spdlog::warn("{}", warning);
  const std::unique_ptr<Engine> engine = engine_like_elements(cluster);
  const auto packs = static_cast<std::int64_t>(plan.packs(engine ? engine->info() : kSomeGpu).size());
  const double gpus = static_cast<double>(std::max<std::int64_t>(1, cluster.gpus));
  const auto seconds = engine ? std::optional(estimate(plan, *engine).seconds / gpus) : std::nullopt;
  const SlurmJob job{.name = sweep.name,
                     .program = fs::read_symlink("/proc/self/exe").string(),
                     .work_folder = fs::current_path().string(),
                     .dir = dir.string(),
                     .cluster = cluster,
                     .elements = element_count(packs, seconds, cluster, site.max_array_size),
                     .packs = packs,
                     .pack = cluster.pack > 0 || cluster.gpus > 0 ? cluster.pack : cluster.cpus};
  if (options.dry_run) {
    print(batch_script(job));
    return kAllComplete;
  }
  ResultsFolder(job.dir, sweep.name).freeze(sweep.text);
  write_text(layout.batch_script(), batch_script(job));
  fs::create_directories(layout.slurm_logs());
  const std::string id = submit_array(layout.batch_script(), job.elements);
  print(fmt::format("job {}: {} elements for {} packs of {} runs in all{}\n", id, job.elements, packs,
                    plan.runs().size(), collector(job, layout, id)));
  print(fmt::format("logs: {}\nstate: qrun show {}\n", layout.slurm_logs(), shell_word(layout.folder())));
  return kAllComplete;
}

void add_options(CLI::App& command, Action& action) {
  auto options = std::make_shared<SubmitOptions>();
  as_path(command.add_option("CONFIG", options->config, "YAML file; its cluster: says what a job gets"))->required();
  command.add_option("KEY=VALUE", options->overrides, "changes of single values, such as solver.lr=0.02");
  as_path(command.add_option("--output", options->output, "folder of results, instead of output.dir"));
  command.add_flag("--dry-run", options->dry_run, "print the batch script; nothing is written or submitted");
  command.footer("Example: qrun submit configs/cluster_example.yaml");
  command.callback([options, &action] { action = [options] { return submit(*options); }; });
}

}  // namespace

Command submit_command() {
  return {.name = "submit", .about = "hand a sweep to Slurm as a job array", .order = 7, .add_options = add_options};
}

}  // namespace qrun
