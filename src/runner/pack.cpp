#include "runner/pack.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <mutex>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/fault.h"
#include "core/log.h"
#include "plan/epoch.h"
#include "plan/lower.h"
#include "store/journal.h"

namespace qrun {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// The pack in training: the loop over iterations, cut where something is to be noted.
class PackTraining {
 public:
  PackTraining(const std::vector<PackRun>& runs, const RunData& data, const PackTools& tools)
      : runs_(runs),
        tools_(tools),
        data_(record_of(runs.front().spec.data, data)),
        best_(runs.size()),
        outcomes_(runs.size()) {
    std::vector<RunSpec> specs;
    for (const PackRun& run : runs) specs.push_back(run.spec);
    plan_ = lower(specs, {data.shape, data.train->items()});
    epoch_iterations_ = iterations_per_epoch(specs[0], data.train->items());
    iterations_ = train().epochs * epoch_iterations_;
    std::vector<RunFeeds> feeds;
    for (const PackRun& run : runs) {
      feeds.push_back({make_feed(data, run.spec.data, Split::kTrain, run.spec.seed, plan_.classes),
                       make_feed(data, run.spec.data, Split::kTest, run.spec.seed, plan_.classes)});
      sessions_.emplace_back(run.spec, tools.engine.info(), tools.build, data.shape, plan_.classes);
    }
    program_ = tools.engine.load(plan_, std::move(feeds));
    const ProductPaths products = program_->products();
    say_once(products.problem);
    if (!products.text.empty()) tools_.progress.note([&] { spdlog::debug("products=\"{}\"", products.text); });
    for (RunSession& session : sessions_) session.set_products(products.text);
    for (int run = 0; run < count(); ++run) start(run);
  }

  ~PackTraining() { tools_.progress.show(this, {}); }
  PackTraining(const PackTraining&) = delete;
  PackTraining& operator=(const PackTraining&) = delete;

  std::vector<RunOutcome> run() {
    if (train().test_first && done_ == 0 && session(0).record().test.empty()) test();
    while (done_ < iterations_ && !tools_.stop && live()) advance(std::min(next_event(), done_ + chunk_));
    if (done_ == iterations_) return_to_best();
    for_live([&](int run) { end(run); });
    return outcomes_;
  }

 private:
  [[nodiscard]] int count() const { return static_cast<int>(runs_.size()); }
  [[nodiscard]] const RunSpec& spec(int run) const { return runs_[static_cast<std::size_t>(run)].spec; }
  [[nodiscard]] RunSession& session(int run) { return sessions_[static_cast<std::size_t>(run)]; }
  [[nodiscard]] std::optional<TrainingState>& best(int run) { return best_[static_cast<std::size_t>(run)]; }
  [[nodiscard]] bool live() const {
    return std::ranges::any_of(sessions_, [](const RunSession& session) { return !session.failed(); });
  }
  [[nodiscard]] const TrainSpec& train() const { return runs_.front().spec.train; }
  [[nodiscard]] std::int64_t images_an_iteration() const { return plan_.train_batch * plan_.accumulate * count(); }
  [[nodiscard]] double rate(int run, std::int64_t iteration) const {
    return learning_rate(spec(run).solver, iteration, iterations_);
  }

  void start(int run) {
    const std::optional<Checkpoint>& from = runs_[static_cast<std::size_t>(run)].from;
    const std::string journal = tools_.folder.journal(spec(run));
    std::error_code code;  // what is no file is found out when it is written
    std::filesystem::remove(journal, code);
    tools_.folder.freeze(spec(run));
    fault_point("run.started");
    DataRecord seen = data_;
    if (from) {
      if (from->record.data) seen.init_from_hash = from->record.data->init_from_hash;
      warn_of_other_products(from->record, session(run).record());
      session(run).resume(*from);
      best(run) = from->best;
      done_ = from->state.iteration;
      epoch_seconds_ = from->epoch_seconds;
      program_->restore(run, from->state);
      for (const TrainPoint& point : from->record.train) append_journal(journal, line_of(run, point));
    } else {
      FirstState first = first_state(spec(run), plan_, run);
      seen.init_from_hash = std::move(first.init_from_hash);
      program_->restore(run, first.state);
    }
    session(run).set_data(std::move(seen));
    tools_.progress.note([&] {
      spdlog::info("start run={} iteration={} of={} threads={}", spec(run).id(), done_, iterations_,
                   session(run).record().threads);
    });
  }

  /// Says once why `products: auto` is `own`.
  void say_once(const std::string& problem) const {
    static std::once_flag said;  // each pack has a program of its own
    if (problem.empty()) return;
    std::call_once(said, [&] { tools_.progress.note([&] { spdlog::info("products=own ({})", problem); }); });
  }

  void warn_of_other_products(const RunRecord& from, const RunRecord& now) const {
    const std::string was = last_products(from);
    const std::string is = last_products(now);
    if (was == is) return;
    tools_.progress.note([&] {
      spdlog::warn(R"(resume run={} products="{}" was="{}" note="results may differ in their last bits")", now.run_id,
                   is, was);
    });
  }

  /// An epoch, with its last test.
  [[nodiscard]] JournalLine line_of(int run, const TrainPoint& point) {
    const RunRecord& record = session(run).record();
    JournalLine line{.train = point};
    for (std::size_t i = record.test.size(); i-- > 0 && !line.test;) {
      if (record.test[i].epoch != point.epoch) continue;
      line.test = record.test[i];
      for (const TopAccuracy& top : record.top) line.top.emplace_back(top.k, top.tests[i]);
    }
    return line;
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
    const TrainResult result = program_->train(until - done_, tools_.stop);
    const double seconds = seconds_since(start);
    done_ += result.iterations;
    epoch_seconds_ += seconds;
    trained_ += result.iterations;
    trained_seconds_ += seconds;
    chunk_ = std::max<std::int64_t>(
        1, static_cast<std::int64_t>(kChunkSeconds * static_cast<double>(result.iterations) / std::max(seconds, 1e-6)));
    for (int run = 0; run < count(); ++run) {
      const auto index = static_cast<std::size_t>(run);
      session(run).add_losses(result.losses[index]);
      if (!result.divergences[index] || session(run).failed()) continue;
      session(run).fail(*result.divergences[index]);
      end(run);
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
    const std::int64_t epoch = std::max<std::int64_t>(done_ - 1, 0) / epoch_iterations_;
    const std::int64_t samples = last ? spec(0).output.activation_samples : 0;
    tests_ = program_->test(samples);
    for_live([&](int run) {
      const auto index = static_cast<std::size_t>(run);
      if (tests_[index].divergence) {
        session(run).fail(*tests_[index].divergence);
        return end(run);
      }
      const bool is_best = session(run).add_test(epoch, done_, tests_[index]);
      tools_.progress.note([&] {
        spdlog::debug("test run={} iteration={} loss={:.4f} accuracy={:.4f}", spec(run).id(), done_, tests_[index].loss,
                      tests_[index].accuracy);
      });
      if (spec(run).train.keep == Keep::kBest && is_best) best(run) = program_->state(run);
    });
  }

  void end_epoch() {
    const std::int64_t epoch = done_ / epoch_iterations_ - 1;
    const auto images = static_cast<double>(epoch_iterations_ * images_an_iteration());
    for_live([&](int run) {
      const TrainPoint& point = session(run).end_epoch(epoch, done_, rate(run, done_ - 1), images / epoch_seconds_);
      const JournalLine line = line_of(run, point);
      tools_.progress.epoch(session(run).record().run_id, point, line.test);
      append_journal(tools_.folder.journal(spec(run)), line);
    });
    epoch_seconds_ = 0;
    if ((epoch + 1) % train().checkpoint_every != 0) return;
    for_live([&](int run) {
      if (spec(run).train.keep == Keep::kAll) snapshot(run, epoch);
      if (done_ < iterations_) checkpoint(run);
    });
  }

  void snapshot(int run, std::int64_t epoch) {
    RunSession copy = session(run);
    copy.set_weights(plan_, run, *program_, program_->state(run));
    copy.finish(RunStatus::kInterrupted);
    write_run(tools_.folder.snapshot(copy.spec(), epoch), copy.record());
  }

  void checkpoint(int run) {
    if (!tools_.owned(spec(run))) return;
    Checkpoint checkpoint = session(run).checkpoint(program_->state(run));
    checkpoint.best = best(run);
    checkpoint.epoch_seconds = epoch_seconds_;
    write_checkpoint(tools_.folder.checkpoint(spec(run)), checkpoint);
    tools_.progress.note([&] {
      spdlog::debug("checkpoint run={} iteration={} file={}", spec(run).id(), done_,
                    tools_.folder.checkpoint(spec(run)));
    });
  }

  void show() {
    const double rate = static_cast<double>(trained_) / std::max(trained_seconds_, 1e-9);
    std::vector<RunProgress> lines;
    for_live([&](int run) {
      lines.push_back({.run_id = session(run).record().run_id,
                       .iteration = done_,
                       .iterations = iterations_,
                       .first_iteration = done_ - trained_,
                       .epoch = std::min((done_ / epoch_iterations_) + 1, train().epochs),
                       .epochs = train().epochs,
                       .loss = static_cast<double>(session(run).last_loss()),
                       .accuracy = session(run).last_accuracy(),
                       .images_per_second = rate * static_cast<double>(images_an_iteration()),
                       .seconds_left = static_cast<double>(iterations_ - done_) / rate});
    });
    tools_.progress.show(this, lines);
  }

  /// With `keep: best` the final test is that of the weights that are kept.
  void return_to_best() {
    bool moved = false;
    for_live([&](int run) {
      if (!best(run) || best(run)->iteration == done_) return;
      program_->restore(run, *best(run));
      moved = true;
    });
    if (moved) tests_ = program_->test(spec(0).output.activation_samples);
  }

  /// Writes the file of a run that is complete, interrupted or failed.
  void end(int run) {
    const auto index = static_cast<std::size_t>(run);
    RunSession& mine = session(run);
    const bool complete = done_ == iterations_ && !mine.failed();
    if (!complete && !mine.failed()) checkpoint(run);
    if (!mine.failed()) {
      const TrainingState state = program_->state(run);
      if (complete) mine.set_final_test(plan_, run, tests_[index], state);
      mine.set_weights(plan_, run, *program_, state);
    }
    mine.finish(complete ? RunStatus::kComplete : RunStatus::kInterrupted);
    const RunRecord& record = mine.record();
    const std::string path = tools_.folder.run_file(spec(run));
    if (!tools_.owned(spec(run))) {
      outcomes_[index] = {record.run_id, RunStatus::kTakenOver, path, ""};
      return;
    }
    outcomes_[index] = {record.run_id, record.status, path, record.error};
    try {
      write_run(path, record);
    } catch (const Irreplaceable& error) {  // the runs beside it have files of their own
      outcomes_[index] = {record.run_id, RunStatus::kLeft, path, error.what()};
      return;
    }
    fault_point("run.written");
    if (record.status == RunStatus::kInterrupted) {
      std::error_code code;
      std::filesystem::remove(tools_.folder.journal(spec(run)), code);
    } else {
      tools_.folder.tidy(spec(run));
    }
    fault_point("run.tidied");
    tools_.progress.note([&] {
      if (mine.failed()) spdlog::error("failed run={} reason=\"{}\"", record.run_id, record.error);
      spdlog::info("done run={} status={} seconds={:.1f} file={}", record.run_id, name_of(record.status),
                   record.wall_seconds, path);
    });
  }

  static constexpr double kChunkSeconds = 0.2;  // between looks at the progress

  const std::vector<PackRun>& runs_;
  const PackTools& tools_;
  const DataRecord data_;
  Plan plan_;
  std::unique_ptr<Program> program_;
  std::vector<RunSession> sessions_;
  std::vector<std::optional<TrainingState>> best_;
  std::vector<RunOutcome> outcomes_;
  std::vector<TestResult> tests_;  // the last
  std::int64_t epoch_iterations_ = 0, iterations_ = 0, done_ = 0, chunk_ = 1;
  std::int64_t trained_ = 0;  // in this process
  double epoch_seconds_ = 0, trained_seconds_ = 0;
};

}  // namespace

std::vector<RunOutcome> train_pack(const std::vector<PackRun>& runs, const RunData& data, const PackTools& tools) {
  return PackTraining(runs, data, tools).run();
}

}  // namespace qrun
