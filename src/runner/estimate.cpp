#include "runner/estimate.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>

#include "plan/lower.h"

namespace qrun {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kTrialSeconds = 0.5;
constexpr double kTestCost =
    0.4;  // of an image, compared with training on it: one pass of three, and its share of loading

/// Seconds that an iteration of this pack takes.
double try_out(SweepPlan& plan, const std::vector<std::size_t>& pack, Engine& engine) {
  std::vector<RunSpec> specs;
  std::vector<RunFeeds> feeds;
  const RunData& data = plan.data(plan.runs()[pack[0]]);
  for (const std::size_t i : pack) specs.push_back(*plan.runs()[i].spec);
  const Plan lowered = lower(specs, {data.shape, data.train->items()});
  for (const RunSpec& spec : specs)
    feeds.push_back({make_feed(data.train, spec.data, Split::kTrain, spec.seed, lowered.classes), nullptr});
  const auto program = engine.load(lowered, std::move(feeds));
  const std::atomic<bool> go_on = false;
  program->train(4, go_on);  // caches, clocks
  const auto start = Clock::now();
  std::int64_t iterations = 0;
  double seconds = 0;
  for (std::int64_t chunk = 4; seconds < kTrialSeconds; chunk *= 2) {
    program->train(chunk, go_on);
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
  return static_cast<double>(iterations) + images / static_cast<double>(spec.data.train.batch_size);
}

}  // namespace

Estimate estimate(SweepPlan& plan, Engine& engine) {
  Estimate result;
  std::map<std::size_t, double> seconds;  // of an iteration, by group
  std::int64_t largest = 0;
  for (const std::vector<std::size_t>& pack : plan.packs(engine.info())) {
    const PlannedRun& first = plan.runs()[pack[0]];
    const PackGroup& group = plan.group(first);
    if (!seconds.contains(first.group)) seconds[first.group] = try_out(plan, pack, engine);
    const std::int64_t tests = plan.data(first).test->items();
    result.seconds += seconds[first.group] * iterations_with_tests(*first.spec, group.iterations, tests);
    largest = std::max(largest, group.bytes * std::ssize(pack));
    result.disk_bytes += group.file_bytes * std::ssize(pack);
  }
  result.memory_bytes = largest * plan.options().workers();
  return result;
}

}  // namespace qrun
