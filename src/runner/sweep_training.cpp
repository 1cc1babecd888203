#include "runner/sweep_training.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <latch>
#include <new>
#include <thread>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/log.h"
#include "core/machine.h"
#include "core/sizes.h"
#include "core/threads.h"
#include "store/journal.h"

namespace qrun {
namespace {

constexpr std::chrono::milliseconds kLook{20};    // between looks at the signal
constexpr std::chrono::milliseconds kWait{1000};  // between looks at what others have done

EngineChoice engine_named(const std::string& name) {
  return find_named<EngineChoice>(name).value_or(EngineChoice::kCpu);
}

EngineChoice engine_of(const PackRun& run) {
  return run.from ? engine_named(run.from->record.engine) : run.spec.engine;
}

std::string instruction_set_of(const PackRun& run) { return run.from ? last_instruction_set(run.from->record) : ""; }

bool go_on_together(const PackRun& a, const PackRun& b) {
  const auto iteration = [](const PackRun& run) { return run.from ? run.from->state.iteration : 0; };
  return iteration(a) == iteration(b) && engine_of(a) == engine_of(b) && instruction_set_of(a) == instruction_set_of(b);
}

}  // namespace

/// The engines of one worker. A run that goes on asks for what it was trained with, which may be here under the name
/// that new runs ask for.
class SweepTraining::Engines {
 public:
  Engines(const MakeEngine& make, int threads, int device) : make_(make), threads_(threads), device_(device) {}

  Engine& get(const PackRun& run) { return get(engine_of(run), instruction_set_of(run)); }
  Engine& get(EngineChoice choice, const std::string& instruction_set) {
    std::unique_ptr<Engine>& engine = engines_[{choice, instruction_set}];
    if (engine) return *engine;
    for (const auto& [wish, other] : engines_) {
      if (other && engine_named(other->info().name) == choice && other->info().instruction_set == instruction_set)
        return *other;
    }
    engine = make_({choice, threads_, instruction_set, device_});
    return *engine;
  }

 private:
  const MakeEngine& make_;
  int threads_, device_;
  std::map<std::pair<EngineChoice, std::string>, std::unique_ptr<Engine>> engines_;
};

/// What workers wait for before they claim a run.
struct SweepTraining::Start {
  std::latch threads{1};  // all workers have threads, or some never will
  std::latch engines;     // each of them has its engines, or never will
};

SweepTraining::SweepTraining(SweepPlan& plan, const ResultsFolder& folder, const SweepTools& tools)
    : plan_(plan),
      folder_(folder),
      tools_(tools),
      claims_(folder.path()),
      failures_(plan.runs().size()),
      now_(plan.runs().size()) {
  const std::set<std::string> under_way = folder.under_way();
  drop_other_claims(under_way);
  for (std::size_t i = 0; i < now_.size(); ++i) {
    const PlannedRun& run = plan.runs()[i];
    standings_.push_back(run.standing);
    if (plan.to_do(run)) continue;
    now_[i] = Now::kEnded;
    if (!run.standing.left.empty()) continue;
    name_swept(i);
    if (!under_way.contains(run.id) || !may_tidy(run.id)) continue;  // another process trains it again
    folder.tidy(*run.spec);
    claims_.release(run.id);
  }
}

/// The first failure ends the training. No std::function: to make one may need memory, outside of what is guarded, and
/// an exception that leaves a thread ends the process.
template <class Act>
void SweepTraining::guarded(const Act& act) {
  try {
    act();
  } catch (...) {
    const Lock lock(mutex_);
    if (!error_) error_ = std::current_exception();
    halt_ = true;
  }
}

void SweepTraining::run() {
  const int wanted = plan_.options().workers();
  Start start{.engines = std::latch(wanted)};
  std::atomic<int> running = 0;
  std::vector<std::thread> workers;
  guarded([&] {
    workers.reserve(static_cast<std::size_t>(wanted));
    for (int worker = 0; worker < wanted; ++worker, ++running) {
      workers.push_back(start_thread([&, worker] {
        work(worker, start);
        --running;
      }));
    }
  });
  start.engines.count_down(wanted - running);
  start.threads.count_down();
  while (running > 0) {
    if (tools_.stop) halt_ = true;
    std::this_thread::sleep_for(kLook);
  }
  for (std::thread& worker : workers) worker.join();
  const Lock lock(mutex_);
  if (error_) std::rethrow_exception(error_);
  for (std::size_t i = 0; i < now_.size(); ++i) {
    if (now_[i] == Now::kElsewhere) standings_[i].path.clear();
  }
}

/// A run that were claimed while workers still start would pay for what the machine does not give them.
void SweepTraining::work(int worker, Start& start) {
  start.threads.wait();
  const int threads = plan_.options().threads > 0 ? plan_.options().threads : usable_processors();
  Engines engines(tools_.make_engine, std::max(1, threads / plan_.options().workers()),
                  plan_.options().device_of(worker));
  guarded([&] {
    for (const EngineChoice choice : wanted_engines()) {
      if (!halt_) engines.get(choice, "");
    }
  });
  start.engines.arrive_and_wait();
  guarded([&] { train_packs(worker, engines); });
}

/// What runs that start anew ask for.
std::set<EngineChoice> SweepTraining::wanted_engines() const {
  std::set<EngineChoice> wanted;
  for (const PlannedRun& run : plan_.runs()) {
    if (plan_.to_do(run)) wanted.insert(run.spec->engine);
  }
  return wanted;
}

void SweepTraining::train_packs(int worker, Engines& engines) {
  while (!halt_) {
    const Pack pack = next(engines);
    if (!pack.runs.empty()) {
      tools_.progress.note([&] {
        spdlog::debug("pack runs={} worker={} device=\"{}\"", pack.runs.size(), worker,
                      engines.get(pack.runs[0]).info().device);
      });
      train(pack, engines.get(pack.runs[0]));
    } else if (are_any(Now::kLookedAt)) {
      std::this_thread::sleep_for(kLook);  // some may not go on together, and are left for others
    } else if (ended() || !plan_.options().wait) {
      return;
    } else {
      wait_for_others();
    }
  }
}

/// Runs that go on together, claimed; in the order of the sweep.
SweepTraining::Pack SweepTraining::next(Engines& engines) {
  Pack pack;
  std::size_t limit = 1;
  for (std::optional<std::size_t> i; pack.members.size() < limit && (i = look_at_one(i, pack));) {
    std::optional<PackRun> taken = have(*i);
    if (!taken) continue;
    if (!pack.runs.empty() && !go_on_together(pack.runs[0], *taken)) {
      give_back(*i, Now::kWaiting);
      continue;
    }
    set(*i, Now::kTraining);
    pack.members.push_back(*i);
    pack.runs.push_back(std::move(*taken));
    if (pack.members.size() == 1) limit = plan_.pack_size(plan_.runs()[*i], engines.get(pack.runs[0]).info());
  }
  return pack;
}

/// The next run behind `last` that may be had for the pack. No other worker touches it until it is set to something
/// else: files, which may lie far away, are looked at without the lock.
std::optional<std::size_t> SweepTraining::look_at_one(std::optional<std::size_t> last, const Pack& pack) {
  const Lock lock(mutex_);
  for (std::size_t i = last ? *last + 1 : 0; i < now_.size(); ++i) {
    if (now_[i] != Now::kWaiting && now_[i] != Now::kElsewhere) continue;
    if (!pack.members.empty() && plan_.runs()[pack.members[0]].group != plan_.runs()[i].group) continue;
    now_[i] = Now::kLookedAt;
    return i;
  }
  return std::nullopt;
}

void SweepTraining::set(std::size_t i, Now now) {
  const Lock lock(mutex_);
  now_[i] = now;
}

void SweepTraining::train(const Pack& pack, Engine& engine) {
  report();
  if (const std::string reason = plan_.too_large(plan_.runs()[pack.members[0]], engine.info()); !reason.empty()) {
    for (std::size_t k = 0; k < pack.members.size(); ++k) fail(pack.members[k], pack.runs[k], engine, reason);
    return after_pack();
  }
  const PackTools tools{engine,          tools_.build, folder_,
                        tools_.progress, halt_,        [this](const RunSpec& run) { return claims_.owns(run.id()); }};
  try {
    const std::vector<RunOutcome> outcomes = train_pack(pack.runs, plan_.data(plan_.runs()[pack.members[0]]), tools);
    for (std::size_t k = 0; k < outcomes.size(); ++k) end(pack.members[k], outcomes[k]);
  } catch (const Irreplaceable& error) {
    if (pack.runs.size() > 1) return train_apart(pack, engine, error.what());
    return leave(pack.members[0], error.what());
  } catch (const EnvironmentError&) {
    throw;
  } catch (const Error& error) {
    train_apart(pack, engine, error.what());
  } catch (const std::bad_alloc&) {
    train_apart(pack, engine, "out of memory; use a smaller batch_size or network");
  }
  after_pack();
}

void SweepTraining::after_pack() {
  const Lock lock(after_pack_mutex_);
  tools_.after_pack();
}

/// What a pack could not do, its halves may: in the end only the run that is at fault fails.
void SweepTraining::train_apart(const Pack& pack, Engine& engine, const std::string& reason) {
  if (pack.runs.size() == 1) return fail(pack.members[0], pack.runs[0], engine, reason);
  tools_.progress.note([&] {
    spdlog::warn(R"(pack of {} runs failed action="train in halves" reason="{}")", pack.runs.size(), reason);
  });
  const auto half = static_cast<std::ptrdiff_t>(pack.runs.size() / 2);
  for (const auto& [from, to] : {std::pair{std::ptrdiff_t{0}, half}, std::pair{half, std::ssize(pack.runs)}}) {
    Pack part{{pack.members.begin() + from, pack.members.begin() + to}, {}};
    for (const std::size_t i : part.members) {
      std::vector<std::string> problems;
      const RunSpec& spec = *plan_.runs()[i].spec;
      part.runs.push_back({spec, read_checkpoint(folder_.checkpoint(spec), problems)});
    }
    // Checkpoints may differ now.
    const bool together =
        std::ranges::all_of(part.runs, [&](const PackRun& run) { return go_on_together(run, part.runs[0]); });
    if (together) {
      train(part, engine);
      continue;
    }
    for (std::size_t k = 0; k < part.runs.size(); ++k) train({{part.members[k]}, {part.runs[k]}}, engine);
  }
}

/// Writes a file that says why there is no more of this run.
void SweepTraining::fail(std::size_t i, const PackRun& run, Engine& engine, const std::string& reason) {
  const RunData& data = plan_.data(plan_.runs()[i]);
  RunSession session(run.spec, engine.info(), tools_.build, data.shape, 0);
  if (run.from) session.resume(*run.from);
  session.fail(reason);
  session.finish(RunStatus::kFailed);
  const std::string path = folder_.run_file(run.spec);
  if (!claims_.owns(session.record().run_id)) return end(i, {session.record().run_id, RunStatus::kTakenOver, path, ""});
  try {
    write_run(path, session.record());
  } catch (const Irreplaceable& error) {
    return end(i, {plan_.runs()[i].id, RunStatus::kLeft, path, error.what()});
  }
  folder_.tidy(run.spec);
  tools_.progress.note([&] {
    spdlog::error("failed run={} reason=\"{}\"", plan_.runs()[i].id, reason);
    spdlog::info("done run={} status={} seconds={:.1f} file={}", plan_.runs()[i].id, name_of(session.record().status),
                 session.record().wall_seconds, path);
  });
  end(i, {plan_.runs()[i].id, RunStatus::kFailed, path, reason});
}

void SweepTraining::end(std::size_t i, const RunOutcome& outcome) {
  if (outcome.status == RunStatus::kTakenOver) {
    tools_.progress.note([&] { spdlog::warn("taken over run={} action=\"leave it\"", outcome.run_id); });
    return give_back(i, Now::kElsewhere);
  }
  if (outcome.status == RunStatus::kLeft) return leave(i, outcome.error);
  const PlannedRun& run = plan_.runs()[i];
  standings_[i] = {stage_after(outcome.status), outcome.path, outcome.error, run.spec->swept, stamp_of(outcome.path)};
  const bool failed = outcome.status == RunStatus::kFailed;
  const bool again = failed && failures_[i]++ < plan_.options().retries;
  if (outcome.status == RunStatus::kComplete) trained_ += plan_.group(run).iterations;
  if (failed && !again && plan_.options().fail_fast) halt_ = true;
  give_back(i, again ? Now::kWaiting : Now::kEnded);
}

/// Leaves a run whose checkpoints stay: it goes on once the way is free.
void SweepTraining::leave(std::size_t i, const std::string& reason) {
  standings_[i].left = reason;
  give_back(i, Now::kEnded);
}

bool SweepTraining::ended() {
  const Lock lock(mutex_);
  return std::ranges::all_of(now_, [](Now now) { return now == Now::kEnded; });
}

bool SweepTraining::are_any(Now now) {
  const Lock lock(mutex_);
  return std::ranges::find(now_, now) != now_.end();
}

void SweepTraining::report() {
  if (failures_.size() > 1) tools_.progress.sweep(progress());
}

SweepProgress SweepTraining::progress() {
  const Lock lock(mutex_);
  SweepProgress progress{.runs = std::ssize(now_), .iterations = trained_};
  for (std::size_t i = 0; i < now_.size(); ++i) {
    if (now_[i] == Now::kElsewhere) ++progress.elsewhere;
    if (now_[i] != Now::kEnded) {
      progress.iterations_left = plus(progress.iterations_left, plan_.group(plan_.runs()[i]).iterations);
    } else {
      ++(standings_[i].stage == Stage::kFailed ? progress.failed : progress.complete);
    }
  }
  return progress;
}

void SweepTraining::wait_for_others() {
  if (const std::int64_t runs = newly_waited_for(); runs > 0)
    tools_.progress.note([&] { spdlog::info(R"(waiting runs={} reason="other processes train them")", runs); });
  for (auto waited = std::chrono::milliseconds(0); waited < kWait && !halt_; waited += kLook)
    std::this_thread::sleep_for(kLook);
}

/// Runs that other processes train, the first time that there are any.
std::int64_t SweepTraining::newly_waited_for() {
  const Lock lock(mutex_);
  const auto elsewhere = waiting_ ? 0 : std::ranges::count(now_, Now::kElsewhere);
  waiting_ = waiting_ || elsewhere > 0;
  return elsewhere;
}

}  // namespace qrun
