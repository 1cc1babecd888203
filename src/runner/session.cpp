#include "runner/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <string_view>

#include "quant/all.h"
#include "runner/stored_blob.h"
#include "store/network_json.h"

namespace qrun {

std::string last_instruction_set(const RunRecord& record) {
  return record.instruction_set.substr(record.instruction_set.rfind(',') + 1);
}

namespace {

constexpr const char* kOwn = "own";
constexpr std::string_view kThen = " | ";

std::string named(const std::string& products) { return products.empty() ? kOwn : products; }

}  // namespace

std::string last_products(const RunRecord& record) {
  const std::string all = named(record.products);
  const std::size_t then = all.rfind(kThen);
  return then == std::string::npos ? all : all.substr(then + kThen.size());
}

RunSession::RunSession(const RunSpec& spec, const EngineInfo& engine, const BuildInfo& build, const Shape& input,
                       std::int64_t classes)
    : spec_(spec), record_{attributes_of({spec, engine, build})} {
  record_.swept = spec.swept;
  record_.classes = classes;
  for (const std::int64_t k : spec.metrics.more()) record_.top.push_back({.k = k, .tests = {}});
  record_.network_json = network_json(spec, input);
}

std::optional<double> RunSession::last_accuracy() const {
  if (record_.test.empty()) return std::nullopt;
  return record_.test.back().accuracy;
}

double RunSession::seconds() const {
  return earlier_seconds_ + std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
}

Checkpoint RunSession::checkpoint(TrainingState state) const {
  Checkpoint checkpoint{.record = record_, .state = std::move(state), .best = {}, .epoch_losses = epoch_losses_};
  checkpoint.record.status = RunStatus::kInterrupted;
  checkpoint.record.finished = utc_now();
  checkpoint.record.wall_seconds = seconds();
  checkpoint.record.weights.clear();
  checkpoint.record.activations.clear();
  checkpoint.record.statistics.clear();
  return checkpoint;
}

void RunSession::resume(const Checkpoint& checkpoint) {
  const RunRecord& from = checkpoint.record;
  record_.started = from.started;
  record_.data = from.data;
  if (last_instruction_set(from) != record_.instruction_set) {
    record_.instruction_set = from.instruction_set + "," + record_.instruction_set;
  } else {
    record_.instruction_set = from.instruction_set;
  }
  if (last_products(from) != last_products(record_)) {
    record_.products = named(from.products) + std::string(kThen) + named(record_.products);
  } else {
    record_.products = from.products;
  }
  record_.train = from.train;
  record_.test = from.test;
  for (TopAccuracy& top : record_.top) {
    const auto known = std::ranges::find(from.top, top.k, &TopAccuracy::k);
    if (known != from.top.end()) top.tests = known->tests;
    top.tests.resize(record_.test.size(), std::numeric_limits<double>::quiet_NaN());  // it was not asked for then
  }
  record_.iterations = from.iterations;
  record_.best_test_accuracy = from.best_test_accuracy;
  earlier_seconds_ = from.wall_seconds;
  epoch_losses_ = checkpoint.epoch_losses;
  if (!epoch_losses_.empty()) {
    last_loss_ = epoch_losses_.back();
  } else if (!record_.train.empty()) {
    last_loss_ = static_cast<float>(record_.train.back().loss);
  }
}

void RunSession::add_losses(const std::vector<float>& losses) {
  for (const float loss : losses) {
    last_loss_ = loss;
    epoch_losses_.push_back(loss);
  }
}

void RunSession::add_point(std::int64_t iteration, double lr) {
  record_.iterations.push_back({iteration, static_cast<double>(last_loss_), lr});
}

const TrainPoint& RunSession::end_epoch(std::int64_t epoch, std::int64_t iteration, double lr,
                                        double images_per_second) {
  double sum = 0;
  for (const float loss : epoch_losses_) sum += static_cast<double>(loss);
  const double mean = sum / static_cast<double>(epoch_losses_.size());
  record_.train.push_back({epoch, iteration, static_cast<double>(last_loss_), mean, lr, images_per_second});
  epoch_losses_.clear();
  return record_.train.back();
}

bool RunSession::add_test(std::int64_t epoch, std::int64_t iteration, const TestResult& result) {
  record_.test.push_back({epoch, iteration, result.loss, result.accuracy});
  for (TopAccuracy& top : record_.top) top.tests.push_back(top_accuracy(result.ranks, top.k));
  const bool best =
      iteration > 0 && (std::isnan(record_.best_test_accuracy) || result.accuracy > record_.best_test_accuracy);
  if (best) record_.best_test_accuracy = result.accuracy;
  return best;
}

void RunSession::fail(const Divergence& divergence) {
  fail(
      fmt::format("diverged at iteration {}: {} of layer {} is not finite; {}", divergence.iteration, divergence.what,
                  divergence.layer,
                  divergence.iteration > 0 ? "try a smaller solver.lr" : "look at data.scale and the initial weights"));
}

void RunSession::fail(const std::string& reason) {
  record_.status = RunStatus::kFailed;
  record_.error = reason;
}

void RunSession::set_final_test(const Plan& plan, int run, const TestResult& result, const TrainingState& state) {
  record_.labels = result.labels;
  record_.predictions = result.predictions;
  record_.final_test_accuracy = result.accuracy;
  record_.final_test_loss = result.loss;
  for (TopAccuracy& top : record_.top) top.final_test = top_accuracy(result.ranks, top.k);
  record_.activations.clear();
  const RunSettings& settings = plan.runs[static_cast<std::size_t>(run)];
  for (std::size_t slot = 0; slot < result.activations.size(); ++slot) {
    if (result.activations[slot].codes.empty()) continue;
    const ActivationInfo& info = plan.activations[slot];
    record_.activations.push_back({.layer = info.layer,
                                   .shape = plan.buffers[static_cast<std::size_t>(info.x)].shape,
                                   .quant = settings.activations[slot],
                                   .quantized = result.activations[slot],
                                   .range = state.statistics[static_cast<std::size_t>(info.range)][0]});
  }
}

void RunSession::set_weights(const Plan& plan, int run, Program& program, const TrainingState& state) {
  record_.weights.clear();
  const RunSettings& settings = plan.runs[static_cast<std::size_t>(run)];
  for (std::size_t p = 0; p < plan.params.size(); ++p) {
    const Blob& param = plan.params[p];
    StoredBlob blob{.address = param.address(),
                    .dims = param.dims,
                    .quant = settings.params[p].quant,
                    .quantized = {},
                    .master = state.params[p].master};
    if (blob.quant.method != kNoQuantizer) blob.quantized = program.codes(run, static_cast<ParamId>(p));
    record_.weights.push_back(std::move(blob));
  }
  record_.statistics = stored_statistics(plan, state);
}

void RunSession::finish(RunStatus status) {
  if (!failed()) record_.status = status;
  record_.finished = utc_now();
  record_.wall_seconds = seconds();
}

}  // namespace qrun
