#include "cuda/program.h"

#include <algorithm>

#include "core/error.h"
#include "quant/all.h"

namespace qrun::cuda {
namespace {

/// Sources of all runs' feeds; none where one run has no source.
std::vector<DataSource> sources_of(const std::vector<RunFeeds>& feeds, std::shared_ptr<Feed> RunFeeds::*which) {
  std::vector<DataSource> sources;
  for (const RunFeeds& run : feeds) {
    const std::optional<DataSource> source = run.*which ? (run.*which)->source() : std::nullopt;
    if (!source) return {};
    sources.push_back(*source);
  }
  return sources;
}

template <class T>
bool has(const Plan& plan) {
  return std::ranges::any_of(plan.steps, [](const Step& step) { return std::holds_alternative<T>(step.op); });
}

}  // namespace

CudaProgram::CudaProgram(Plan plan, std::vector<RunFeeds> feeds, const LibraryPlace& place)
    : plan_(std::move(plan)),
      feeds_(std::move(feeds)),
      processors_(multiprocessors()),
      memory_(plan_, stream_),
      library_(plan_, place),
      train_data_(ResidentData::of(sources_of(feeds_, &RunFeeds::train), stream_)),
      test_data_(ResidentData::of(sources_of(feeds_, &RunFeeds::test), stream_)),
      batches_(memory_, train_data_ && test_data_ ? kNone : plan_.images),
      order_(train_data_ ? images_of_chunk() * runs() : 0),
      controls_(plan_.runs.size()),
      rates_(kChunk * runs()),
      losses_(kChunk * runs()) {
  stream_.zero(losses_.data(), losses_.size());  // they are read as a whole
}

bool CudaProgram::any_live() const {
  for (int run = 0; run < runs(); ++run) {
    if (live(run)) return true;
  }
  return false;
}

Divergence CudaProgram::divergence(int run) const {
  const RunControl& control = controls_[static_cast<std::size_t>(run)];
  const Places places = memory_.places();
  const std::int32_t place = control.diverged_place();
  const auto at = static_cast<std::size_t>(place);
  if (place >= places.loss())
    return {control.diverged_at(), plan_.buffers[static_cast<std::size_t>(plan_.logits)].layer, "loss"};
  if (place >= places.statistic(0)) {
    const Blob& blob = plan_.statistics[static_cast<std::size_t>(place - places.statistic(0))];
    return {control.diverged_at(), blob.layer, blob.address().in_layer()};
  }
  if (place >= places.params)
    return {control.diverged_at(), plan_.activations[at - plan_.params.size()].layer, name_of(Place::kActivation)};
  return {control.diverged_at(), plan_.params[at].layer, plan_.params[at].address().in_layer()};
}

void CudaProgram::put_controls() { stream_.write(memory_.control(0), controls_); }
void CudaProgram::get_controls() { controls_ = stream_.read(memory_.control(0), runs()); }

void CudaProgram::put_rates(std::int64_t iterations) {
  std::vector<Rate> rates;
  for (std::int64_t step = 0; step < iterations; ++step) {
    for (int run = 0; run < runs(); ++run) {
      const RunSettings& settings = plan_.runs[static_cast<std::size_t>(run)];
      rates.push_back(rate_of(settings.solver, control(run).iteration + step, settings.iterations));
    }
  }
  stream_.write(rates_.data(), rates);
}

void CudaProgram::put_order(std::int64_t iterations) {
  for (int run = 0; run < runs(); ++run) {
    if (!live(run)) continue;
    Feed& feed = *feeds_[static_cast<std::size_t>(run)].train;
    const std::int64_t images = plan_.accumulate * plan_.train_batch;  // of an iteration
    stream_.write(order_.data() + run * images_of_chunk(),
                  feed.order(control(run).iteration * images, iterations * images));
  }
}

void CudaProgram::gather_batch(const Scope& scope, const ResidentData& data, const std::int32_t* order,
                               std::int64_t first) const {
  gather(scope, plan_.buffers[static_cast<std::size_t>(plan_.images)].shape,
         {.sources = data.sources(),
          .order = order,
          .order_stride = images_of_chunk(),
          .batches = plan_.accumulate,
          .first = first,
          .control = memory_.control(0),
          .images = memory_.value(plan_.images, 0),
          .labels = memory_.labels(0),
          .labels_stride = memory_.largest_batch()});
}

/// Brings every live run's batch from the host, the one of this number in the chunk.
void CudaProgram::bring_batch(std::int64_t number) {
  batches_.next();
  for (int run = 0; run < runs(); ++run) {
    if (!live(run)) continue;
    const std::int64_t first = (control(run).iteration * plan_.accumulate + number) * plan_.train_batch;
    batches_.put(run, feeds_[static_cast<std::size_t>(run)].train->fetch(first, plan_.train_batch));
  }
  batches_.send(plan_.train_batch, stream_);
}

void CudaProgram::keep_given(bool given, int run, ParamId param) {
  ParamState& state = memory_.state(run, param);
  if ((state.given != 0) == given) return;
  state.given = given ? 1 : 0;
  memory_.put_state(run, param, stream_);
}

void CudaProgram::quantize_all() {
  quantize_params(stream_.get(), memory_.table(), memory_.passes_of_params(), memory_.workspace());
}

void CudaProgram::run_phase(Phase phase, const Submitter& submit) const {
  for (auto step = plan_.steps.begin(); step != plan_.steps.end(); ++step) {
    if (step->phase != phase) continue;
    const auto next = step + 1;
    if (next != plan_.steps.end() && next->phase == phase && submit.both(step->op, next->op)) {
      ++step;
    } else {
      std::visit(submit, step->op);
    }
  }
}

/// A library loads its code in its first calls, which no graph may note. What they write here an iteration overwrites.
void CudaProgram::warm_up() const {
  Scope alone = scope(plan_.train_batch, true);
  alone.runs = 1;
  const Submitter submit(memory_, alone, 0, nullptr);
  for (const Step& step : plan_.steps) {
    if (product_of(step.op)) std::visit(submit, step.op);
  }
  stream_.wait();
}

/// A batch, from its images to gradients.
void CudaProgram::submit_batch(const Scope& all) {
  const bool alone = plan_.accumulate == 1;
  Submitter submit(memory_, all, 0, rates_.data());
  submit.fuse();
  submit.branch_off(stream_, branch_);
  if (train_data_) gather_batch(all, *train_data_, order_.data(), 0);
  if (alone) quantize_all();
  for (const Phase phase : {Phase::kForward, Phase::kLoss, Phase::kBackward}) run_phase(phase, submit);
  branch_.join(stream_);
  if (alone) return;
  accumulate_gradients(stream_.get(), memory_.table());
  end_batch(all, memory_.control(0));
}

/// What becomes of the gradients of all parameters, as the update phase has it.
void CudaProgram::submit_update(const Scope& all) const {
  if (plan_.accumulate > 1) mean_gradients(stream_.get(), memory_.table(), plan_.accumulate);
  if (has<QuantizeParamBackwardOp>(plan_)) quantize_params_backward(stream_.get(), memory_.table());
  if (has<ClipGradientsOp>(plan_)) clip_gradients(stream_.get(), memory_.table(), memory_.clipping(0, runs()));
  update_params(stream_.get(), memory_.table(), rates_.data(), runs());
  end_iteration(all, memory_.control(0), plan_.accumulate, losses_.data(), kChunk);
}

void CudaProgram::make_graphs() {
  if (!iteration_.empty()) return;
  if (!library_.empty()) warm_up();
  const Scope all = scope(plan_.train_batch, true);
  const bool alone = plan_.accumulate == 1;
  iteration_.capture(stream_, [&] {
    submit_batch(all);
    if (alone) submit_update(all);
  });
  if (!alone) update_.capture(stream_, [&] { submit_update(all); });
}

/// Submits an iteration, `done` of them into this chunk.
void CudaProgram::iterate(std::int64_t done) {
  const bool alone = plan_.accumulate == 1;
  if (!alone) quantize_all();
  for (std::int64_t batch = 0; batch < plan_.accumulate; ++batch) {
    if (!train_data_) bring_batch(done * plan_.accumulate + batch);
    iteration_.launch(stream_);
  }
  if (!alone) update_.launch(stream_);
}

std::int64_t CudaProgram::train_chunk(std::int64_t iterations, const std::atomic<bool>& stop, TrainResult& result) {
  put_rates(iterations);
  std::vector<std::int64_t> begin;
  for (RunControl& control : controls_) {
    control.step = 0;
    begin.push_back(control.iteration);
  }
  put_controls();
  if (train_data_) put_order(iterations);
  std::int64_t done = 0;
  for (; done < iterations && !stop; ++done) {
    Event& place = ahead_[static_cast<std::size_t>(done) % ahead_.size()];
    if (done >= std::ssize(ahead_)) place.wait();
    iterate(done);
    place.record(stream_);
  }
  get_controls();
  const std::vector<float> losses = stream_.read(losses_.data(), losses_.size());
  for (std::size_t run = 0; run < controls_.size(); ++run) {
    const auto from = losses.begin() + static_cast<std::ptrdiff_t>(run) * kChunk;
    result.losses[run].insert(result.losses[run].end(), from, from + (controls_[run].iteration - begin[run]));
  }
  return done;
}

TrainResult CudaProgram::train(std::int64_t iterations, const std::atomic<bool>& stop) {
  TrainResult result;
  result.losses.resize(controls_.size());
  for (int run = 0; run < runs(); ++run) {
    for (ParamId param = 0; param < static_cast<ParamId>(plan_.params.size()); ++param) keep_given(false, run, param);
  }
  make_graphs();
  while (result.iterations < iterations && !stop && any_live())
    result.iterations += train_chunk(std::min(chunk(), iterations - result.iterations), stop, result);
  for (int run = 0; run < runs(); ++run)
    result.divergences.push_back(live(run) ? std::nullopt : std::optional(divergence(run)));
  return result;
}

std::int64_t CudaProgram::bring_test_batch(std::int64_t first, std::int64_t items, std::vector<TestResult>& results) {
  const std::int64_t n = std::min(plan_.test_batch, items - first);
  if (test_data_) {
    for (int run = 0; run < runs(); ++run) {
      const std::int32_t* labels = test_data_->labels(run) + first;
      std::vector<std::int32_t>& kept = results[static_cast<std::size_t>(run)].labels;
      kept.insert(kept.end(), labels, labels + n);
    }
    gather_batch(scope(n, false), *test_data_, nullptr, first);
    return n;
  }
  batches_.next();
  for (int run = 0; run < runs(); ++run) {
    if (!live(run)) continue;
    const Batch batch = feeds_[static_cast<std::size_t>(run)].test->fetch(first, n);
    batches_.put(run, batch);
    std::vector<std::int32_t>& labels = results[static_cast<std::size_t>(run)].labels;
    labels.insert(labels.end(), batch.labels, batch.labels + n);
  }
  batches_.send(n, stream_);
  return n;
}

void CudaProgram::keep_codes(int run, std::int64_t n, TestResult& result) const {
  for (std::size_t slot = 0; slot < plan_.activations.size(); ++slot) {
    const int method = plan_.runs[static_cast<std::size_t>(run)].activations[slot].method;
    if (method == kNoQuantizer) continue;
    const BufferId x = plan_.activations[slot].x;
    const std::vector<float> values = stream_.read(memory_.value(x, run).data, n * memory_.size(x));
    const QParams params = stream_.read(memory_.activation(static_cast<SlotId>(slot), run), 1)[0].params;
    QuantizedActivation& kept = result.activations[slot];
    AllQuantizers::visit(method, [&]<class Q>() {
      for (const float v : values) kept.codes.push_back(Q::code(v, params));
    });
    kept.params.insert(kept.params.end(), static_cast<std::size_t>(n), params);
  }
}

std::vector<TestResult> CudaProgram::test(std::int64_t samples) {
  std::vector<TestResult> results(controls_.size());
  if (!any_live()) return results;
  for (TestResult& result : results) result.activations.resize(plan_.activations.size());
  for (RunControl& control : controls_) control.test_loss = 0;
  put_controls();
  const std::int64_t items = feeds_[0].test->items();
  const DeviceArray<std::int32_t> predictions(items * runs());
  const DeviceArray<std::int32_t> ranks(items * runs());
  quantize_all();
  for (std::int64_t first = 0; first < items; first += plan_.test_batch) {
    const std::int64_t n = bring_test_batch(first, items, results);
    Submitter submit(memory_, scope(n, false), 0, nullptr);
    submit.fuse();
    submit.predict(predictions.data(), ranks.data(), items, first);
    run_phase(Phase::kForward, submit);
    run_phase(Phase::kLoss, submit);
    for (int run = 0; run < runs() && first < samples; ++run) {
      if (live(run)) keep_codes(run, std::min(n, samples - first), results[static_cast<std::size_t>(run)]);
    }
  }
  const std::vector<RunControl> before = controls_;
  get_controls();
  for (int run = 0; run < runs(); ++run) {
    TestResult& result = results[static_cast<std::size_t>(run)];
    if (before[static_cast<std::size_t>(run)].diverged != kNowhere) continue;
    if (!live(run)) result.divergence = divergence(run);
    result.predictions = stream_.read(predictions.data() + run * items, items);
    result.ranks = stream_.read(ranks.data() + run * items, items);
    std::int64_t right = 0;
    for (std::size_t i = 0; i < result.labels.size(); ++i) right += result.predictions[i] == result.labels[i] ? 1 : 0;
    result.loss = control(run).test_loss / static_cast<double>(items);
    result.accuracy = static_cast<double>(right) / static_cast<double>(items);
  }
  return results;
}

}  // namespace qrun::cuda
