#include "runner/pack.h"

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "core/error.h"
#include "core/log.h"
#include "plan/lower.h"
#include "store/atomic_file.h"
#include "store/journal.h"

namespace qrun {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// The pack in training: the loop over iterations, cut where something is to be noted.
class PackTraining {
 public:
  PackTraining(const std::vector<RunSpec>& runs, Engine& engine, const BuildInfo& build, const ResultsFolder& folder,
               Progress& progress, const std::atomic<bool>& stop)
      : specs_(runs), folder_(folder), progress_(progress), stop_(stop) {
    const RunSpec& spec = runs.front();
    const RunData data = open_data(spec.data);
    plan_ = lower(runs, {data.shape, data.train->items()});
    for (const RunSpec& run : runs) check_labels(run, data, plan_.classes);
    epoch_iterations_ = iterations_per_epoch(spec, data.train->items());
    iterations_ = spec.train.epochs * epoch_iterations_;
    std::vector<RunFeeds> feeds;
    for (const RunSpec& run : runs) {
      feeds.push_back({make_feed(data.train, run.data, Split::kTrain, run.seed),
                       make_feed(data.test, run.data, Split::kTest, run.seed)});
      sessions_.emplace_back(run, engine.info(), build, data.shape, plan_.classes);
    }
    program_ = engine.load(plan_, std::move(feeds));
    best_.resize(runs.size());
    for (int run = 0; run < count(); ++run) start(run);
  }

  std::vector<RunOutcome> run() {
    while (done_ < iterations_ && !stop_ && live()) advance(std::min(next_event(), done_ + chunk_));
    progress_.wipe();
    std::vector<RunOutcome> outcomes;
    for (int run = 0; run < count(); ++run) outcomes.push_back(end(run));
    return outcomes;
  }

 private:
  [[nodiscard]] int count() const { return static_cast<int>(specs_.size()); }
  [[nodiscard]] RunSession& session(int run) { return sessions_[static_cast<std::size_t>(run)]; }
  [[nodiscard]] bool live() const {
    return std::ranges::any_of(sessions_, [](const RunSession& session) { return !session.failed(); });
  }
  [[nodiscard]] const TrainSpec& train() const { return specs_.front().train; }
  [[nodiscard]] double rate(int run, std::int64_t iteration) const {
    return learning_rate(specs_[static_cast<std::size_t>(run)].solver, iteration, iterations_);
  }

  void start(int run) {
    RunState state = program_->state(run);
    for (std::size_t p = 0; p < state.params.size(); ++p)
      state.params[p].master = initial_values(plan_, run, static_cast<ParamId>(p));
    const RunSpec& spec = specs_[static_cast<std::size_t>(run)];
    if (!spec.train.init_from.empty()) load_initial(spec.train.init_from, plan_, state);
    program_->restore(run, state);
    write_text(folder_.frozen(spec), spec.text());
    std::filesystem::remove(folder_.journal(spec));
    spdlog::info("start run={} iterations={} threads={}", spec.id(), iterations_, session(run).record().threads);
  }

  /// The next iteration after which a test, a point or the end of an epoch is due.
  [[nodiscard]] std::int64_t next_event() const {
    const auto after = [&](std::int64_t every) { return (done_ / every + 1) * every; };
    std::int64_t next = std::min(iterations_, after(epoch_iterations_));
    if (train().test_every) next = std::min(next, after(*train().test_every));
    if (train().log_every) next = std::min(next, after(*train().log_every));
    return next;
  }

  void advance(std::int64_t until) {
    const auto start = Clock::now();
    const TrainResult result = program_->train(until - done_, stop_);
    const double seconds = seconds_since(start);
    done_ += result.iterations;
    epoch_seconds_ += seconds;
    trained_seconds_ += seconds;
    chunk_ = std::max<std::int64_t>(
        1, static_cast<std::int64_t>(kChunkSeconds * static_cast<double>(result.iterations) / std::max(seconds, 1e-6)));
    for (int run = 0; run < count(); ++run) {
      const auto index = static_cast<std::size_t>(run);
      session(run).add_losses(result.losses[index]);
      if (!result.divergences[index] || session(run).failed()) continue;
      session(run).fail(*result.divergences[index]);
      progress_.wipe();
      spdlog::error("failed run={} reason=\"{}\"", specs_[index].id(), session(run).record().error);
    }
    if (done_ < until) return;  // stopped
    note_events();
    show();
  }

  void note_events() {
    const bool epoch_end = done_ % epoch_iterations_ == 0;
    const bool due = train().test_every ? done_ % *train().test_every == 0 : epoch_end;
    if (train().log_every && done_ % *train().log_every == 0) {
      for_live([&](int run) { session(run).add_point(done_, rate(run, done_ - 1)); });
    }
    if (due || done_ == iterations_) test();
    if (epoch_end) end_epoch();
  }

  template <class Body>
  void for_live(const Body& body) {
    for (int run = 0; run < count(); ++run) {
      if (!session(run).failed()) body(run);
    }
  }

  void test() {
    const bool last = done_ == iterations_;
    const std::int64_t samples = last ? specs_.front().output.activation_samples : 0;
    tests_ = program_->test(samples);
    for_live([&](int run) {
      const auto index = static_cast<std::size_t>(run);
      const bool best = session(run).add_test((done_ - 1) / epoch_iterations_, done_, tests_[index]);
      if (specs_[index].train.keep == Keep::kBest && best) best_[index] = program_->state(run);
    });
  }

  void end_epoch() {
    const std::int64_t epoch = done_ / epoch_iterations_ - 1;
    const auto images = static_cast<double>(epoch_iterations_ * plan_.train_batch * count());
    for_live([&](int run) {
      const TrainPoint& point = session(run).end_epoch(epoch, done_, rate(run, done_ - 1), images / epoch_seconds_);
      const std::vector<TestPoint>& tests = session(run).record().test;
      const bool tested = !tests.empty() && tests.back().epoch == epoch;
      const std::optional<TestPoint> test = tested ? std::optional(tests.back()) : std::nullopt;
      progress_.epoch(session(run).record().run_id, point, test);
      append_journal(folder_.journal(session(run).spec()), {point, test});
      if (train().keep == Keep::kAll && (epoch + 1) % train().checkpoint_every == 0) snapshot(run, epoch);
    });
    epoch_seconds_ = 0;
  }

  void snapshot(int run, std::int64_t epoch) {
    RunSession copy = session(run);
    copy.set_weights(plan_, run, *program_, program_->state(run));
    copy.finish("interrupted", seconds_since(began_));
    write_run(folder_.snapshot(copy.spec(), epoch), copy.record());
  }

  void show() {
    const double rate = static_cast<double>(done_) / std::max(trained_seconds_, 1e-9);
    std::vector<RunProgress> lines;
    for_live([&](int run) {
      lines.push_back({.run_id = session(run).record().run_id,
                       .iteration = done_,
                       .iterations = iterations_,
                       .epoch = std::min((done_ / epoch_iterations_) + 1, train().epochs),
                       .epochs = train().epochs,
                       .loss = static_cast<double>(session(run).last_loss()),
                       .accuracy = session(run).last_accuracy(),
                       .images_per_second = rate * static_cast<double>(plan_.train_batch * count()),
                       .seconds_left = static_cast<double>(iterations_ - done_) / rate});
    });
    progress_.show(lines);
  }

  RunOutcome end(int run) {
    const auto index = static_cast<std::size_t>(run);
    RunSession& mine = session(run);
    const RunSpec& spec = specs_[index];
    const bool complete = done_ == iterations_ && !mine.failed();
    if (complete && best_[index] && best_[index]->iteration != done_) {  // what is kept is what was tested
      program_->restore(run, *best_[index]);
      tests_ = program_->test(spec.output.activation_samples);
    }
    if (!mine.failed()) {
      const RunState state = program_->state(run);
      if (complete) mine.set_final_test(plan_, run, tests_[index], state);
      mine.set_weights(plan_, run, *program_, state);
    }
    mine.finish(complete ? "complete" : "interrupted", seconds_since(began_));
    const std::string path = folder_.run_file(spec);
    write_run(path, mine.record());
    std::filesystem::remove(folder_.journal(spec));
    spdlog::info("done run={} status={} seconds={:.1f} file={}", spec.id(), mine.record().status,
                 mine.record().wall_seconds, path);
    return {mine.record().run_id, mine.record().status, path, mine.record().error};
  }

  static constexpr double kChunkSeconds = 0.2;  // between looks at the progress

  const std::vector<RunSpec>& specs_;
  const ResultsFolder& folder_;
  Progress& progress_;
  const std::atomic<bool>& stop_;
  Plan plan_;
  std::unique_ptr<Program> program_;
  std::vector<RunSession> sessions_;
  std::vector<std::optional<RunState>> best_;
  std::vector<TestResult> tests_;  // the last
  std::int64_t epoch_iterations_ = 0, iterations_ = 0, done_ = 0, chunk_ = 1;
  double epoch_seconds_ = 0, trained_seconds_ = 0;
  Clock::time_point began_ = Clock::now();
};

}  // namespace

void check_labels(const RunSpec& run, const RunData& data, std::int64_t classes) {
  const std::int32_t largest = largest_label(data);
  if (largest < classes) return;
  const LayerSpec& last = run.network.back();
  throw ConfigError(last.position, "network." + last.name,
                    std::to_string(classes) + " outputs, but the data has label " + std::to_string(largest) +
                        "; at least " + std::to_string(largest + 1));
}

void load_initial(const std::string& file, const Plan& plan, RunState& state) {
  const RunRecord source = read_run(file, ReadDepth::kAll);
  for (std::size_t p = 0; p < plan.params.size(); ++p) {
    const ParamInfo& info = plan.params[p];
    const auto at = std::ranges::find_if(
        source.weights, [&](const StoredBlob& blob) { return blob.layer == info.layer && blob.blob == info.blob(); });
    if (at == source.weights.end() || at->dims != info.dims) {
      throw ConfigError({file, 0, 0}, "train.init_from",
                        std::string("holds no ") + info.blob() + " of layer " + info.layer +
                            " in this network's shape; choose a run of the same network");
    }
    state.params[p].master = at->master;
  }
}

std::vector<RunOutcome> train_pack(const std::vector<RunSpec>& runs, Engine& engine, const BuildInfo& build,
                                   const ResultsFolder& folder, Progress& progress, const std::atomic<bool>& stop) {
  return PackTraining(runs, engine, build, folder, progress, stop).run();
}

}  // namespace qrun
