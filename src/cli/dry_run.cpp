#include "cli/dry_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/engines.h"
#include "runner/estimate.h"
#include "runner/progress.h"

namespace qrun {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kMebi = 1024.0 * 1024.0;

std::string action_of(const SweepPlan& plan, const PlannedRun& run) {
  if (!run.standing.left.empty()) return "leave";
  if (!plan.to_do(run)) return "skip";
  return run.standing.stage == Stage::kResume ? "resume" : "train";
}

/// Returns which pack each run is in, from 1; 0 for none.
std::vector<std::size_t> pack_numbers(const SweepPlan& plan, const std::vector<std::vector<std::size_t>>& packs) {
  std::vector<std::size_t> numbers(plan.runs().size());
  for (std::size_t p = 0; p < packs.size(); ++p) {
    for (const std::size_t i : packs[p]) numbers[i] = p + 1;
  }
  return numbers;
}

std::string table(const SweepPlan& plan, const std::vector<std::size_t>& numbers) {
  std::size_t width = 3;
  for (const PlannedRun& run : plan.runs()) width = std::max(width, run.id.size());
  constexpr const char* kLine = "{:<{}}  {:<8}  {:<6}  {:>6}  {:>10}  {:>4}\n";
  std::string text = fmt::format(kLine, "run", width, "state", "action", "epochs", "iterations", "pack");
  for (std::size_t i = 0; i < plan.runs().size(); ++i) {
    const PlannedRun& run = plan.runs()[i];
    text += fmt::format(kLine, run.id, width, name_of(run.standing.stage), action_of(plan, run), run.spec->train.epochs,
                        plan.group(run).iterations, numbers[i] > 0 ? std::to_string(numbers[i]) : "-");
  }
  return text;
}

Json json_of(const SweepPlan& plan, const std::vector<std::size_t>& numbers) {
  Json list = Json::array();
  for (std::size_t i = 0; i < plan.runs().size(); ++i) {
    const PlannedRun& run = plan.runs()[i];
    list.push_back({{"run_id", run.id},
                    {"state", name_of(run.standing.stage)},
                    {"action", action_of(plan, run)},
                    {"epochs", run.spec->train.epochs},
                    {"iterations", plan.group(run).iterations},
                    {"pack", numbers[i] > 0 ? Json(numbers[i]) : Json()}});
  }
  return list;
}

}  // namespace

std::string dry_run_text(SweepPlan& plan, bool json) {
  const PlannedRun& first = plan.runs().front();
  const std::unique_ptr<Engine> engine =
      make_engine({first.spec->engine, plan.options().threads, "", plan.options().device_of(0)});
  const std::vector<std::vector<std::size_t>> packs = plan.packs(engine->info());
  const std::vector<std::size_t> numbers = pack_numbers(plan, packs);
  const Estimate cost = estimate(plan, *engine);
  if (json) {
    return Json{{"runs", json_of(plan, numbers)},
                {"packs", packs.size()},
                {"estimate",
                 {{"seconds", cost.seconds}, {"memory_bytes", cost.memory_bytes}, {"disk_bytes", cost.disk_bytes}}}}
               .dump(1) +
           "\n";
  }
  return table(plan, numbers) +
         fmt::format("runs: {}, packs: {}; estimate: {}, {:.0f} MiB of memory, {:.1f} MiB of disk\n",
                     plan.runs().size(), packs.size(), duration_text(cost.seconds),
                     static_cast<double>(cost.memory_bytes) / kMebi, static_cast<double>(cost.disk_bytes) / kMebi);
}

}  // namespace qrun
