#include "runner/estimate.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>

#include "core/sizes.h"
#include "plan/initial_state.h"
#include "plan/lower.h"
#include "runner/pack.h"

namespace qrun {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kTrialSeconds = 0.5;
constexpr std::size_t kMostTrials = 8;
constexpr std::int64_t kTrialDigits = 4096;
/// Testing an image costs this part of training on it: one pass of three, and its share of loading.
constexpr double kTestCost = 0.4;

/// The run with a rate that hardly moves its weights: one that diverges would take no time at all.
RunSpec standing_still(RunSpec spec) {
  spec.solver.lr = 1e-12;
  spec.solver.lr_policy = {};
  return spec;
}

bool has_diverged(const TrainResult& result) {
  return std::ranges::all_of(result.divergences, [](const auto& divergence) { return divergence.has_value(); });
}

/// Seconds that an iteration of this pack takes.
double try_out(SweepPlan& plan, const std::vector<std::size_t>& pack, Engine& engine) {
  std::vector<RunSpec> specs;
  std::vector<RunFeeds> feeds;
  const RunData& data = plan.data(plan.runs()[pack[0]]);
  // No more digits are drawn than a trial looks at.
  SourceSpec source = plan.runs()[pack[0]].spec->data.train;
  source.synthetic_digits = std::min(source.synthetic_digits, kTrialDigits);
  RunData some = data;
  some.train = open_dataset(source, Split::kTrain);
  for (const std::size_t i : pack) specs.push_back(standing_still(*plan.runs()[i].spec));
  const Plan lowered = lower(specs, {data.shape, data.train->items()});
  for (const RunSpec& spec : specs)
    feeds.push_back({make_feed(some, spec.data, Split::kTrain, spec.seed, lowered.classes), nullptr});
  const auto program = engine.load(lowered, std::move(feeds));
  for (std::size_t k = 0; k < pack.size(); ++k) {
    const auto run = static_cast<int>(k);
    const bool resumes = plan.runs()[pack[k]].standing.stage == Stage::kResume;  // needs no `init_from` any more
    program->restore(run, resumes ? initial_state(lowered, run) : first_state(specs[k], lowered, run).state);
  }
  const std::atomic<bool> go_on = false;
  program->train(4, go_on);  // caches, clocks
  const auto start = Clock::now();
  std::int64_t iterations = 0;
  double seconds = 0;
  bool goes_on = true;  // not where the initial weights are no numbers to begin with
  for (std::int64_t chunk = 4; goes_on && seconds < kTrialSeconds; chunk *= 2) {
    goes_on = !has_diverged(program->train(chunk, go_on));
    iterations += chunk;
    seconds = std::chrono::duration<double>(Clock::now() - start).count();
  }
  return seconds / static_cast<double>(iterations);
}

/// Training iterations with the tests between them, as if these were iterations, too.
double iterations_with_tests(const RunSpec& spec, std::int64_t iterations, std::int64_t test_items) {
  const double tests = spec.train.test_every
                           ? static_cast<double>(iterations) / static_cast<double>(*spec.train.test_every)
                           : static_cast<double>(spec.train.epochs);
  const double images = tests * static_cast<double>(test_items) * kTestCost;
  return static_cast<double>(iterations) +
         images / static_cast<double>(spec.data.train.batch_size * spec.train.accumulate);
}

}  // namespace

Estimate estimate(SweepPlan& plan, Engine& engine) {
  plan.refuse_what_cannot_fit(engine.info());
  Estimate result;
  double tried_seconds = 0;
  double tried_bytes = 0;
  std::map<std::size_t, double> seconds;  // of an iteration, by group
  std::int64_t largest = 0;
  for (const std::vector<std::size_t>& pack : plan.packs(engine.info())) {
    const PlannedRun& first = plan.runs()[pack[0]];
    if (!plan.too_large(first, engine.info()).empty()) continue;  // it fails at once
    const PackGroup& group = plan.group(first);
    if (!seconds.contains(first.group) && seconds.size() >= kMostTrials) {
      seconds[first.group] = tried_seconds / tried_bytes * static_cast<double>(group.bytes);
    } else if (!seconds.contains(first.group)) {
      seconds[first.group] = try_out(plan, pack, engine);
      tried_seconds += seconds[first.group];
      tried_bytes += static_cast<double>(group.bytes);
    }
    const std::int64_t tests = plan.data(first).test->items();
    result.seconds += seconds[first.group] * iterations_with_tests(*first.spec, group.iterations, tests);
    largest = std::max(largest, times(group.bytes, std::ssize(pack)));
    result.disk_bytes = plus(result.disk_bytes, times(group.file_bytes, std::ssize(pack)));
  }
  result.memory_bytes = times(largest, plan.options().workers());
  return result;
}

}  // namespace qrun
