// Trains what a sweep's plan has to do: claims runs, forms packs, and keeps a run that fails apart from the others.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/mutex.h"
#include "runner/claims.h"
#include "runner/pack.h"
#include "runner/sweep_plan.h"

namespace qrun {

/// The engine that is wanted.
struct EngineWish {
  EngineChoice choice = EngineChoice::kAuto;
  int threads = 0;                   // of the CPU engine; 0: one for each processor
  std::string instruction_set = {};  // of the CPU engine; "": the best
  int device = 0;                    // of the CUDA engine; its programs are used in the thread that makes the engine
};

/// Makes the engine that is wanted. Throws EnvironmentError.
using MakeEngine = std::function<std::unique_ptr<Engine>(const EngineWish&)>;

struct SweepTools {
  MakeEngine make_engine;
  BuildInfo build;
  Progress& progress;
  const std::atomic<bool>& stop;
  std::function<void()> after_pack = [] {};  // the folder has changed
};

class SweepTraining {
 public:
  SweepTraining(SweepPlan& plan, const ResultsFolder& folder, const SweepTools& tools);

  /// Claims a run once all workers, their engines and the threads of these stand; else none. Trains until every run has
  /// ended, here or in other processes, or until `stop` rises, or with fail_fast until a run fails. Throws
  /// EnvironmentError where the machine is at fault, ConfigError where a run turns out to have seen other data
  /// meanwhile: what was written stays.
  void run();

  /// Returns where each run of the plan stands now; without a path where another process trains it.
  [[nodiscard]] const std::vector<Standing>& standings() const { return standings_; }

 private:
  enum class Now : std::uint8_t { kWaiting, kLookedAt, kTraining, kElsewhere, kEnded };
  struct Pack {
    std::vector<std::size_t> members;  // indices into the plan's runs
    std::vector<PackRun> runs;
  };
  class Engines;
  struct Start;

  void name_swept(std::size_t i);
  [[nodiscard]] bool may_tidy(const std::string& id);
  void drop_other_claims(const std::set<std::string>& under_way);
  [[nodiscard]] std::set<EngineChoice> wanted_engines() const;
  template <class Act>
  void guarded(const Act& act);
  void work(int worker, Start& start);
  void train_packs(int worker, Engines& engines);
  [[nodiscard]] Pack next(Engines& engines);
  [[nodiscard]] std::optional<std::size_t> look_at_one(std::optional<std::size_t> last, const Pack& pack);
  [[nodiscard]] std::optional<PackRun> have(std::size_t i);
  [[nodiscard]] PackRun where_it_goes_on(std::size_t i);
  [[nodiscard]] bool claim(std::size_t i);
  [[nodiscard]] bool take(std::size_t i);
  [[nodiscard]] bool saw_other_data(const PlannedRun& run, const std::optional<Checkpoint>& checkpoint);
  void train(const Pack& pack, Engine& engine);
  void train_apart(const Pack& pack, Engine& engine, const std::string& reason);
  void fail(std::size_t i, const PackRun& run, Engine& engine, const std::string& reason);
  void end(std::size_t i, const RunOutcome& outcome);
  void leave(std::size_t i, const std::string& reason);
  void give_back(std::size_t i, Now now);
  void set(std::size_t i, Now now);
  void after_pack();
  [[nodiscard]] bool ended();
  [[nodiscard]] bool are_any(Now now);
  void report();
  [[nodiscard]] SweepProgress progress();
  void wait_for_others();
  [[nodiscard]] std::int64_t newly_waited_for();

  SweepPlan& plan_;
  const ResultsFolder& folder_;
  const SweepTools& tools_;
  Claims claims_;
  std::vector<Standing> standings_;  // of the worker's that looks at the run or trains it; of nobody once it has ended
  std::vector<int> failures_;        // of runs, likewise
  std::atomic<std::int64_t> trained_ = 0;         // iterations of packs that have ended
  std::atomic<bool> halt_ = false;                // what packs look at
  Mutex mutex_;                                   // held for moments, never over files
  std::vector<Now> now_ QRUN_GUARDED_BY(mutex_);  // of the plan's runs
  std::exception_ptr error_ QRUN_GUARDED_BY(mutex_);
  bool waiting_ QRUN_GUARDED_BY(mutex_) = false;
  Mutex after_pack_mutex_;  // one call at a time
};

}  // namespace qrun
