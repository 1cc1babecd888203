#include "runner/sweep_plan.h"

#include <unistd.h>

#include <algorithm>

#include "plan/lower.h"
#include "runner/pack.h"

namespace qrun {
namespace {

/// Buffers with their gradients and parameters with value, gradient and history, in floats of 4 bytes.
std::int64_t memory_of(const Plan& plan) {
  const std::int64_t batch = std::max(plan.train_batch, plan.test_batch);
  std::int64_t floats = 0;
  for (const BufferInfo& buffer : plan.buffers) floats += buffer.shape.size() * batch * (buffer.has_gradient ? 2 : 1);
  for (const ParamInfo& param : plan.params) floats += 5 * param.size();
  return 4 * floats;
}

/// Two checkpoints of masters and one history each, and the run's file.
std::int64_t files_of(const Plan& plan) {
  std::int64_t values = 0;
  for (const ParamInfo& param : plan.params) values += param.size();
  return values * (2 * 8 + 5);
}

std::int64_t free_memory() {
  return static_cast<std::int64_t>(sysconf(_SC_AVPHYS_PAGES)) * static_cast<std::int64_t>(sysconf(_SC_PAGESIZE));
}

std::string checkpoint_of(const std::string& folder, const std::string& id) {
  return folder + "/.qrun/" + id + ".ckpt.h5";
}

}  // namespace

SweepPlan::SweepPlan(const std::vector<RunSpec>& runs, SweepOptions options, const std::string& folder)
    : options_(options) {
  const std::map<std::string, std::string> known = known_runs(folder);
  for (const RunSpec& run : runs) {
    PlannedRun& planned = runs_.emplace_back(PlannedRun{.spec = &run, .id = run.id()});
    planned.group = group_of(run);
    const auto at = known.find(planned.id.substr(planned.id.rfind('-') + 1));
    planned.known_as = at == known.end() ? planned.id : at->second;
    planned.standing = standing_of(folder + "/" + planned.known_as + ".h5", checkpoint_of(folder, planned.known_as));
  }
}

std::size_t SweepPlan::group_of(const RunSpec& run) {
  const auto at = std::ranges::find_if(groups_, [&](const PackGroup& group) { return same_pack(*group.spec, run); });
  if (at != groups_.end()) return static_cast<std::size_t>(at - groups_.begin());
  const RunData& data = data_.get(run.data);
  const Plan plan = lower({run}, {data.shape, data.train->items()});
  check_labels(run, data, plan.classes);
  groups_.push_back({&run, plan.runs[0].iterations, memory_of(plan), files_of(plan)});
  return groups_.size() - 1;
}

bool SweepPlan::to_do(const PlannedRun& run) const {
  switch (run.standing.stage) {
    case Stage::kComplete: return options_.force;
    case Stage::kFailed: return options_.force || options_.retry_failed;
    default: return true;
  }
}

std::size_t SweepPlan::pack_size(const PlannedRun& first, const EngineInfo& engine) const {
  if (options_.pack > 0) return static_cast<std::size_t>(options_.pack);
  const std::int64_t memory = engine.memory > 0 ? engine.memory : free_memory();
  const std::int64_t fitting = memory / 2 / options_.jobs / std::max<std::int64_t>(1, group(first).bytes);
  return static_cast<std::size_t>(std::clamp<std::int64_t>(fitting, 1, engine.pack));
}

std::vector<std::vector<std::size_t>> SweepPlan::packs(const EngineInfo& engine) const {
  std::vector<std::vector<std::size_t>> packs;
  std::map<std::size_t, std::size_t> open;  // group: its pack that is not full yet
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    if (!to_do(runs_[i])) continue;
    const auto at = open.find(runs_[i].group);
    if (at == open.end() || packs[at->second].size() == pack_size(runs_[i], engine)) {
      open[runs_[i].group] = packs.size();
      packs.emplace_back();
    }
    packs[open[runs_[i].group]].push_back(i);
  }
  return packs;
}

}  // namespace qrun
