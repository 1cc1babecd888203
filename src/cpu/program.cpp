#include "cpu/program.h"

#include <algorithm>
#include <chrono>

#include "core/error.h"
#include "math/softmax.h"
#include "quant/all.h"

namespace qrun::cpu {
namespace {

/// Runs side by side meet this often, so that a stop finds them at the same iteration, and soon.
constexpr std::chrono::duration<double> kMeeting{0.5};

}  // namespace

CpuProgram::CpuProgram(Plan plan, std::vector<RunFeeds> feeds, const Kernels& kernels, std::shared_ptr<Workers> workers)
    : plan_(std::move(plan)), feeds_(std::move(feeds)), kernels_(kernels), workers_(std::move(workers)) {
  for (int run = 0; run < static_cast<int>(plan_.runs.size()); ++run)
    memory_.push_back(std::make_unique<RunMemory>(plan_, run));
}

std::vector<int> CpuProgram::live_runs() const {
  std::vector<int> runs;
  for (std::size_t run = 0; run < memory_.size(); ++run) {
    if (!memory_[run]->divergence) runs.push_back(static_cast<int>(run));
  }
  return runs;
}

template <class Body>
void CpuProgram::for_runs(const std::vector<int>& runs, const Body& body) {
  const auto threads = static_cast<std::size_t>(workers_->threads());
  const std::size_t together = threads > 1 ? runs.size() / threads * threads : 0;
  workers_->parallel(static_cast<std::int64_t>(together), [&](std::int64_t i) {
    Workers alone(1);
    body(runs[static_cast<std::size_t>(i)], alone);
  });
  for (std::size_t i = together; i < runs.size(); ++i) body(runs[i], *workers_);
}

void CpuProgram::load_batch(const Batch& batch, Context& context) const {
  RunMemory& run = context.run;
  std::copy_n(batch.labels, batch.n, run.labels.begin());
  float* images = run.buffer(plan_.images).value.data();
  context.workers.parallel(context.blocks(), [&](std::int64_t block) {
    to_blocks(batch.images, plan_.input.size(), batch.n, block, images);
  });
}

void CpuProgram::compute_phase(Phase phase, Context& context) const {
  for (const Step& step : plan_.steps) {
    if (step.phase != phase || context.run.divergence) continue;
    std::visit([&](const auto& op) { compute(op, context); }, step.op);
  }
}

/// What all batches of an iteration go through; returns the mean of their losses.
double CpuProgram::compute_batches(Feed& feed, Context& context) const {
  RunMemory& run = context.run;
  double loss = 0;
  for (run.batch = 0; run.batch < plan_.accumulate && !run.divergence; ++run.batch) {
    const std::int64_t number = run.iteration * plan_.accumulate + run.batch;
    load_batch(feed.fetch(number * plan_.train_batch, plan_.train_batch), context);
    for (const Phase phase : {Phase::kForward, Phase::kLoss, Phase::kBackward, Phase::kAccumulate})
      compute_phase(phase, context);
    loss += run.loss;
  }
  run.batch = 0;
  return loss / static_cast<double>(plan_.accumulate);
}

void CpuProgram::iterate(int run, std::int64_t iterations, Workers& workers, std::vector<float>& losses) {
  RunMemory& mine = memory(run);
  Feed& feed = *feeds_[static_cast<std::size_t>(run)].train;
  for (ParamMemory& param : mine.params) param.given = false;
  Context context{kernels_, workers, mine, plan_.train_batch, true};
  for (std::int64_t i = 0; i < iterations; ++i) {
    compute_phase(Phase::kQuantize, context);
    const double loss = compute_batches(feed, context);
    compute_phase(Phase::kUpdate, context);
    if (mine.divergence) return;
    losses.push_back(static_cast<float>(loss));
    ++mine.iteration;
  }
}

TrainResult CpuProgram::train(std::int64_t iterations, const std::atomic<bool>& stop) {
  TrainResult result;
  result.losses.resize(memory_.size());
  while (result.iterations < iterations && !stop) {
    const std::vector<int> runs = live_runs();
    if (runs.empty()) break;
    const std::int64_t steps = std::min(together_, iterations - result.iterations);
    const auto start = std::chrono::steady_clock::now();
    for_runs(runs, [&](int run, Workers& workers) {
      iterate(run, steps, workers, result.losses[static_cast<std::size_t>(run)]);
    });
    result.iterations += steps;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (memory_.size() > 1) {
      const double fitting = static_cast<double>(steps) * (kMeeting / took);
      const double most = 2.0 * static_cast<double>(together_);
      together_ = std::max<std::int64_t>(1, static_cast<std::int64_t>(std::min(fitting, most)));
    }
  }
  for (const auto& run : memory_) result.divergences.push_back(run->divergence);
  return result;
}

void CpuProgram::keep_codes(Context& context, std::int64_t first, std::int64_t samples, TestResult& result) const {
  const std::int64_t n = std::min(context.n, samples - first);
  for (std::size_t slot = 0; slot < plan_.activations.size() && n > 0; ++slot) {
    const int method = context.run.settings.activations[slot].method;
    if (method == kNoQuantizer) continue;
    const BufferId x = plan_.activations[slot].x;
    const std::int64_t size = context.run.shape(x).size();
    std::vector<float> values(static_cast<std::size_t>(n * size));
    from_blocks(context.run.buffer(x).value.data(), size, n, values.data());
    const QParams params = context.run.fits[slot];
    QuantizedActivation& kept = result.activations[slot];
    AllQuantizers::visit(method, [&]<class Q>() {
      for (const float v : values) kept.codes.push_back(Q::code(v, params));
    });
    kept.params.insert(kept.params.end(), static_cast<std::size_t>(n), params);
  }
}

TestResult CpuProgram::test_run(int run, std::int64_t samples, Workers& workers) {
  RunMemory& mine = memory(run);
  Feed& feed = *feeds_[static_cast<std::size_t>(run)].test;
  TestResult result;
  result.activations.resize(plan_.activations.size());
  Context quantizing{kernels_, workers, mine, 0, false};
  compute_phase(Phase::kQuantize, quantizing);
  std::int64_t right = 0;
  for (std::int64_t first = 0; first < feed.items() && !mine.divergence; first += plan_.test_batch) {
    const Batch batch = feed.fetch(first, std::min(plan_.test_batch, feed.items() - first));
    Context context{kernels_, workers, mine, batch.n, false};
    load_batch(batch, context);
    compute_phase(Phase::kForward, context);
    compute_phase(Phase::kLoss, context);
    keep_codes(context, first, samples, result);
    result.loss += mine.loss * static_cast<double>(batch.n);
    const float* logits = mine.buffer(plan_.logits).value.data();
    for (std::int64_t i = 0; i < batch.n; ++i) {
      const std::int32_t label = mine.labels[static_cast<std::size_t>(i)];
      const float* scores = logits + (i / kLanes) * plan_.classes * kLanes + i % kLanes;
      const std::int32_t prediction = arg_max(scores, kLanes, plan_.classes);
      result.labels.push_back(label);
      result.predictions.push_back(prediction);
      result.ranks.push_back(label_rank(scores, kLanes, plan_.classes, label));
      right += prediction == label ? 1 : 0;
    }
  }
  result.divergence = mine.divergence;
  result.loss /= static_cast<double>(feed.items());
  result.accuracy = static_cast<double>(right) / static_cast<double>(feed.items());
  return result;
}

std::vector<TestResult> CpuProgram::test(std::int64_t samples) {
  std::vector<TestResult> results(memory_.size());
  for_runs(live_runs(), [&](int run, Workers& workers) {
    results[static_cast<std::size_t>(run)] = test_run(run, samples, workers);
  });
  return results;
}

}  // namespace qrun::cpu
