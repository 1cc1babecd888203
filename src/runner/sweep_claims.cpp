// Which runs of a sweep are this process's to train: claims, and what the files of a claimed run say.
#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "core/log.h"
#include "runner/sweep_training.h"
#include "store/layout.h"

namespace qrun {
namespace {

/// Throws ConfigError unless there are no changes.
void refuse(const std::vector<DataChange>& changes) {
  ChangedData changed;
  changed.add(changes);
  if (!changed.empty()) changed.refuse();
}

}  // namespace

/// A run that another sweep has trained gets the values that this one sweeps into its file.
void SweepTraining::name_swept(std::size_t i) {
  const PlannedRun& run = plan_.runs()[i];
  const auto named = [&](const std::string& address) {
    return std::ranges::any_of(run.standing.swept, [&](const auto& pair) { return pair.first == address; });
  };
  std::vector<std::pair<std::string, std::string>> added;
  for (const auto& pair : run.spec->swept) {
    if (!named(pair.first)) added.push_back(pair);
  }
  try {
    if (!added.empty()) add_params(run.standing.path, added);
  } catch (const Irreplaceable& error) {
    standings_[i].left = error.what();
  } catch (const Unreadable& error) {
    standings_[i].left = error.what();
  }
}

/// A kill after a run got this sweep's name leaves the claim under its other one.
void SweepTraining::drop_other_claims(const std::set<std::string>& under_way) {
  std::map<std::string, const PlannedRun*> runs;
  for (const PlannedRun& run : plan_.runs()) runs.emplace(hash_of(run.id), &run);
  for (const std::string& id : under_way) {
    const auto at = runs.find(hash_of(id));
    const bool other = at != runs.end() && id != at->second->id && id != at->second->known_as;
    if (other && may_tidy(id)) claims_.release(id);
  }
}

/// Claims a run that is not to be trained; what lies in the way of its claim is no matter then.
bool SweepTraining::may_tidy(const std::string& id) {
  try {
    return claims_.take(id);
  } catch (const Irreplaceable&) {
    return false;
  }
}

/// The run, claimed, and where it goes on; nothing where another process has it, it has ended, or a file is in its way.
std::optional<PackRun> SweepTraining::have(std::size_t i) {
  try {
    if (claim(i)) return where_it_goes_on(i);
  } catch (const Irreplaceable& error) {
    leave(i, error.what());
  } catch (const Unreadable& error) {
    leave(i, error.what());
  }
  return std::nullopt;
}

PackRun SweepTraining::where_it_goes_on(std::size_t i) {
  const PlannedRun& run = plan_.runs()[i];
  std::vector<std::string> problems;
  PackRun taken{*run.spec, read_checkpoint(folder_.checkpoint(*run.spec), problems)};
  for (const std::string& problem : problems)
    tools_.progress.note([&] { spdlog::warn(R"(damaged checkpoint run={} reason="{}")", run.id, problem); });
  if (saw_other_data(run, taken.from)) taken.from.reset();
  return taken;
}

/// True if the run is ours to train. It may have ended in another process since the plan was made: then its file is
/// another one.
bool SweepTraining::claim(std::size_t i) {
  if (!take(i)) {
    set(i, Now::kElsewhere);
    return false;
  }
  const PlannedRun& run = plan_.runs()[i];
  const std::string file = folder_.run_file(*run.spec);
  const FileStamp stamp = stamp_of(file);
  if (stamp == FileStamp{} || stamp == standings_[i].stamp) return true;
  standings_[i] = standing_of(file, folder_.checkpoint(*run.spec));
  const bool has_ended = standings_[i].stage == Stage::kComplete || standings_[i].stage == Stage::kFailed;
  if (!has_ended && standings_[i].left.empty()) return true;
  if (standings_[i].stage == Stage::kComplete) refuse(plan_.changes(run, standings_[i].seen));
  if (has_ended) folder_.tidy(*run.spec);
  give_back(i, Now::kEnded);
  return false;
}

/// The data may change while a sweep trains, in this process or in others. True where the run is forced to begin anew.
bool SweepTraining::saw_other_data(const PlannedRun& run, const std::optional<Checkpoint>& checkpoint) {
  if (!checkpoint) return false;
  const std::vector<DataChange> changes = plan_.changes(run, seen_by(checkpoint->record));
  if (changes.empty()) return false;
  if (!plan_.options().force) refuse(changes);
  remove_checkpoints(folder_.checkpoint(*run.spec));
  return true;
}

/// A run of another sweep is claimed under both its ids, and then has this one's.
bool SweepTraining::take(std::size_t i) {
  const PlannedRun& run = plan_.runs()[i];
  if (!claims_.take(run.id)) return false;
  if (run.known_as == run.id) return true;
  const bool taken = claims_.take(run.known_as);
  if (taken) {
    folder_.adopt(run.known_as, *run.spec);
    if (!standings_[i].path.empty()) standings_[i].path = folder_.run_file(*run.spec);
    claims_.release(run.known_as);
  } else {
    claims_.release(run.id);
  }
  return taken;
}

void SweepTraining::give_back(std::size_t i, Now now) {
  claims_.release(plan_.runs()[i].id);
  set(i, now);
}

}  // namespace qrun
