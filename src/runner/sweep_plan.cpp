#include "runner/sweep_plan.h"

#include <algorithm>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "core/machine.h"
#include "core/sizes.h"
#include "plan/lower.h"
#include "plan/memory.h"
#include "plan/pack_key.h"
#include "runner/pack.h"
#include "store/layout.h"

namespace qrun {
namespace {

/// Two checkpoints of masters and one history each, and the run's file.
std::int64_t files_of(const Plan& plan) {
  std::int64_t values = 0;
  for (const Blob& param : plan.params) values = plus(values, param.size());
  return times(values, 2 * 8 + 5);
}

constexpr std::size_t kMostMistakes = 1000;  // enough to read; the search ends there

}  // namespace

int SweepOptions::workers() const { return jobs > 0 ? jobs : std::max(1, static_cast<int>(devices.size())); }

int SweepOptions::device_of(int worker) const {
  return devices.empty() ? 0 : devices[static_cast<std::size_t>(worker) % devices.size()];
}

SweepPlan::SweepPlan(const std::vector<RunSpec>& runs, SweepOptions options, const std::string& folder)
    : options_(std::move(options)) {
  const KnownRuns known_here = folder.empty() ? KnownRuns{} : known_runs(folder);
  const Layout layout(folder);
  std::vector<std::string> mistakes;
  std::set<std::string> known;  // runs share mistakes
  ChangedData changed;
  for (const RunSpec& run : runs) {
    PlannedRun& planned = runs_.emplace_back(PlannedRun{.spec = &run, .id = run.id()});
    planned.known_as = known_as(known_here, planned.id);
    if (!folder.empty()) {
      planned.standing = standing_of(layout.file(planned.known_as, FileKind::kRun),
                                     layout.file(planned.known_as, FileKind::kCheckpoint));
    }
    try {
      planned.group = group_of(run);
      compare_data(planned, changed);
      check_start(planned);
      warn_of_order(planned);
      warn_of_test_labels(planned);
    } catch (const ConfigError& error) {
      for (const std::string& line : error.lines()) {
        if (known.insert(line).second) mistakes.push_back(run.swept.empty() ? line : line + " (in " + planned.id + ")");
      }
      if (known.size() >= kMostMistakes) break;
    }
  }
  if (!mistakes.empty()) throw ConfigError(std::move(mistakes));
  if (!options_.force && !changed.empty()) changed.refuse();
  say_what_is_unrecorded();
}

/// Says how many runs are of a program that did not record their data yet.
void SweepPlan::say_what_is_unrecorded() const {
  const auto runs = std::ranges::count_if(runs_, [](const PlannedRun& run) {
    return !run.standing.seen.record &&
           (run.standing.stage == Stage::kComplete || run.standing.stage == Stage::kResume);
  });
  if (runs > 0) spdlog::info(R"(no record of the data runs={} action="taken as they are")", runs);
}

std::size_t SweepPlan::group_of(const RunSpec& run) {
  const std::string key = pack_key(run);
  if (const auto at = by_key_.find(key); at != by_key_.end()) return at->second;
  const RunData& data = data_.get(run.data);
  const Plan plan = lower({run}, {data.shape, data.train->items()});
  check_labels(run, data, plan.classes);
  groups_.push_back({&run, plan.runs[0].iterations, memory_of(plan), files_of(plan), largest_layer(plan),
                     data.is_sorted && run.data.train.batch_size < data.train->items(), data.test_lacks_labels});
  return by_key_.emplace(key, groups_.size() - 1).first->second;
}

/// A failed run is tried again from its start, with whatever data there is; so is one that is forced.
void SweepPlan::compare_data(PlannedRun& run, ChangedData& changed) {
  if (run.standing.stage == Stage::kFailed) return;
  const std::vector<DataChange> changes = this->changes(run, run.standing.seen);
  changed.add(changes);
  if (!changes.empty() && run.standing.stage == Stage::kResume) run.standing.stage = Stage::kNew;
}

std::vector<DataChange> SweepPlan::changes(const PlannedRun& run, const SeenData& seen) {
  if (seen.record) return data_changes(*run.spec, *seen.record, data_.record(*run.spec, to_do(run)));
  const std::int64_t epoch = group(run).iterations / run.spec->train.epochs;
  if (seen.epoch_iterations == 0 || seen.epoch_iterations == epoch) return {};
  return {change_of_epochs(run.spec->data.train, seen.epoch_iterations, epoch)};
}

/// A run that starts anew finds what it starts from.
void SweepPlan::check_start(const PlannedRun& run) {
  const std::string& file = run.spec->train.init_from;
  if (file.empty() || !to_do(run) || run.standing.stage == Stage::kResume) return;
  if (!checked_.insert({run.group, file}).second) return;
  const RunData& data = data_.get(run.spec->data);
  check_initial(*run.spec, lower({*run.spec}, {data.shape, data.train->items()}));
}

/// Batches of one class after the other unlearn what they learned before.
void SweepPlan::warn_of_order(const PlannedRun& run) {
  const SourceSpec& source = run.spec->data.train;
  if (!group(run).needs_shuffling || source.shuffle || !in_order_.insert(source.lmdb).second) return;
  warnings_.push_back(mistake_line(source.position, "data.train.shuffle",
                                   "false takes " + source.lmdb +
                                       " in its order, whose first labels come class by class, so that a batch shows "
                                       "few of the classes; set it to true"));
}

/// Databases for competitions come without labels, and are filled up with class 0.
void SweepPlan::warn_of_test_labels(const PlannedRun& run) {
  const SourceSpec& source = run.spec->data.test;
  if (!group(run).lacks_test_labels || !without_labels_.insert(source.lmdb).second) return;
  warnings_.push_back(mistake_line(source.position, "data.test.lmdb",
                                   "the labels of " + source.lmdb +
                                       " are all 0, as where there are none, so that accuracies say nothing; test with "
                                       "items that have labels"));
}

std::string SweepPlan::too_large(const PlannedRun& run, const EngineInfo& engine) const {
  const std::int64_t memory = engine.memory > 0 ? engine.memory : usable_memory();
  const PackGroup& group = this->group(run);
  if (group.bytes <= memory) return "";
  const auto layer = std::ranges::find(run.spec->network, group.largest.layer, &LayerSpec::name);
  const Position at = layer == run.spec->network.end() ? run.spec->data.train.position : layer->position;
  const std::string there = engine.memory > 0 ? engine.device + " has " : "this process can have ";
  return mistake_line(at, "network." + group.largest.layer,
                      "takes at least " + gibibytes(group.largest.bytes) + " of memory, all of run " + run.id + " " +
                          gibibytes(group.bytes) + ", and " + there + gibibytes(memory) +
                          "; use a smaller batch_size or network, or leave the run out");
}

void SweepPlan::refuse_what_cannot_fit(const EngineInfo& engine) const {
  std::string reason;
  for (const PlannedRun& run : runs_) {
    if (!to_do(run)) continue;
    const std::string its_own = too_large(run, engine);
    if (its_own.empty()) return;
    if (reason.empty()) reason = its_own;
  }
  if (!reason.empty()) throw EnvironmentError(reason);
}

bool SweepPlan::to_do(const PlannedRun& run) const {
  if (!run.standing.left.empty()) return false;
  switch (run.standing.stage) {
    case Stage::kComplete: return options_.force;
    case Stage::kFailed: return options_.force || options_.retry_failed;
    default: return true;
  }
}

std::size_t SweepPlan::pack_size(const PlannedRun& first, const EngineInfo& engine) const {
  if (options_.pack > 0) return static_cast<std::size_t>(options_.pack);
  const bool own = engine.memory > 0;  // the device's, for the workers that share it
  const auto devices = std::max<std::int64_t>(1, own ? std::ssize(options_.devices) : 1);
  const std::int64_t sharing = ceil_div(options_.workers(), devices);
  const std::int64_t memory = (own ? engine.memory : free_memory()) / 2 / sharing;
  const std::int64_t fitting = memory / std::max<std::int64_t>(1, group(first).bytes);
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
