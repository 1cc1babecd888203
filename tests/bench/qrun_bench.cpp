// Measures the engine itself: images/s of a pack, milliseconds of each op, the processor's peak. Prints JSON lines.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "config/read.h"
#include "cpu/cpu_engine.h"
#include "data/dataset.h"
#include "peak.h"
#include "plan/initial_state.h"
#include "plan/lower.h"
#include "runner/results_folder.h"
#include "runner/sweep_plan.h"

namespace qrun {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

struct Options {
  std::string config = "configs/lenet_2bit.yaml";
  int runs = 1, threads = 1;
  std::int64_t iterations = 200;
};

struct Loaded {
  Plan plan;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Program> program;
};

/// A pack of the configuration's run, seeds counting up.
Loaded load(const Options& options) {
  RunSpec spec = read_config(options.config, {}).runs.at(0);
  const RunData data = open_data(spec.data);
  std::vector<RunSpec> specs;
  std::vector<RunFeeds> feeds;
  for (int r = 0; r < options.runs; ++r, ++spec.seed) {
    specs.push_back(spec);
    feeds.push_back(
        {make_feed(data, spec.data, Split::kTrain, spec.seed), make_feed(data, spec.data, Split::kTest, spec.seed)});
  }
  Loaded loaded;
  loaded.plan = lower(specs, {data.shape, data.train->items()});
  loaded.engine = make_cpu_engine(options.threads);
  loaded.program = loaded.engine->load(loaded.plan, feeds);
  for (int r = 0; r < options.runs; ++r) loaded.program->restore(r, initial_state(loaded.plan, r));
  const std::atomic<bool> stop{false};
  loaded.program->train(20, stop);
  return loaded;
}

void pack(const Options& options) {
  const Loaded loaded = load(options);
  const std::atomic<bool> stop{false};
  const auto start = Clock::now();
  loaded.program->train(options.iterations, stop);
  const double seconds = seconds_since(start);
  const auto images = static_cast<double>(options.runs * options.iterations * loaded.plan.train_batch);
  std::printf(R"({"runs": %d, "threads": %d, "instruction_set": "%s", "seconds": %.4f, "images_per_second": %.1f})"
              "\n",
              options.runs, options.threads, loaded.engine->info().instruction_set.c_str(), seconds, images / seconds);
}

/// Images/s of a pack over those of another, which run in turns: a machine that slows down slows both. The median.
void compare(const Options& options, const Options& against) {
  constexpr int kTurns = 13;
  const Loaded packs[2] = {load(options), load(against)};
  const int runs[2] = {options.runs, against.runs};
  const std::atomic<bool> stop{false};
  std::vector<double> ratios;
  for (int turn = 0; turn < kTurns; ++turn) {
    double rates[2] = {};
    for (const int side : {turn % 2, 1 - turn % 2}) {
      const auto start = Clock::now();
      packs[side].program->train(options.iterations, stop);
      rates[side] = static_cast<double>(runs[side] * options.iterations) / seconds_since(start);
    }
    ratios.push_back(rates[0] / rates[1]);
  }
  std::ranges::sort(ratios);
  std::printf(R"({"ratio": %.4f, "quartiles": [%.4f, %.4f], "turns": %d})"
              "\n",
              ratios[kTurns / 2], ratios[kTurns / 4], ratios[3 * kTurns / 4], kTurns);
}

double macs_of(const Op& op) {
  const std::optional<ConvShape> product = product_of(op);
  return product ? static_cast<double>(product->weights() * product->out_h() * product->out_w()) : 0;
}

void ops(const Options& options) {
  const Loaded loaded = load(options);
  const double peak = peak_gflops();
  double total = 0;
  for (std::size_t i = 0; i < loaded.plan.steps.size(); ++i) {
    double best = 1e9;
    for (int trial = 0; trial < 30; ++trial) {
      const auto start = Clock::now();
      loaded.program->steps().run_step(0, i, loaded.plan.train_batch);
      best = std::min(best, seconds_since(start));
    }
    const Op& op = loaded.plan.steps[i].op;
    const double gflops = 2.0 * macs_of(op) * static_cast<double>(loaded.plan.train_batch) / best * 1e-9;
    total += best;
    std::printf(R"({"step": %zu, "op": "%s", "milliseconds": %.4f, "gflops": %.1f, "of_peak": %.3f})"
                "\n",
                i, info_of(op).name, best * 1e3, gflops, gflops / peak / options.threads);
  }
  std::printf(R"({"total_milliseconds": %.3f, "peak_gflops": %.1f})"
              "\n",
              total * 1e3, peak);
}

/// A relu, then a depthwise convolution and its gradients, each of which passes over two buffers of one size, too.
Plan depthwise_plan() {
  const Shape image{128, 28, 28};
  const ConvShape s{.c = image.c, .h = image.h, .w = image.w, .o = image.c, .k = 3, .pad = 1, .groups = image.c};
  Plan plan;
  plan.train_batch = plan.test_batch = 64;
  plan.buffers = {{"x", image, true}, {"y", image, true}};
  plan.params.push_back({.layer = "conv", .role = BlobRole::kWeight, .dims = {s.o, 1, s.k.h, s.k.w}});
  plan.runs.resize(1);
  plan.runs[0].params.resize(1);
  for (const Op& op : {Op{ReluOp{0, 1}}, Op{Conv2dOp{0, 1, 0, kNone, s}}, Op{Conv2dBackwardDataOp{0, 1, 0, s}},
                       Op{Conv2dBackwardWeightOp{0, 1, 0, kNone, s}}})
    plan.steps.push_back({Phase::kForward, op});
  return plan;
}

/// Bytes a second of depthwise convolutions, and that over relu's, which runs in turns with them. Medians.
void depthwise_ops(const Options& options) {
  constexpr std::size_t kTurns = 41;
  const Plan plan = depthwise_plan();
  const auto engine = make_cpu_engine(options.threads);
  const auto program = engine->load(plan, {});
  const auto seconds = [&](std::size_t step) {
    const auto start = Clock::now();
    program->steps().run_step(0, step, plan.train_batch);
    return seconds_since(start);
  };
  const double bytes = 2.0 * sizeof(float) * static_cast<double>(plan.train_batch * plan.buffers[0].shape.size());
  for (std::size_t step = 1; step < plan.steps.size(); ++step) {
    std::vector<double> times(kTurns);
    std::vector<double> ratios(kTurns);
    for (std::size_t turn = 0; turn < kTurns; ++turn) {
      const double relu = seconds(0);
      times[turn] = seconds(step);
      ratios[turn] = relu / times[turn];
    }
    std::ranges::sort(times);
    std::ranges::sort(ratios);
    std::printf(R"({"op": "depthwise %s", "milliseconds": %.4f, "gigabytes_per_second": %.1f, "of_relu": %.2f, )"
                R"("quartiles": [%.2f, %.2f]})"
                "\n",
                info_of(plan.steps[step].op).name, times[kTurns / 2] * 1e3, bytes / times[kTurns / 2] * 1e-9,
                ratios[kTurns / 2], ratios[kTurns / 4], ratios[3 * kTurns / 4]);
  }
}

/// A sweep over seeds and bits: read, checked, looked up in its folder, and written down run by run.
void expand(const Options& options) {
  namespace fs = std::filesystem;
  std::string name = (fs::temp_directory_path() / "qrun_bench.XXXXXX").string();
  const std::string folder = mkdtemp(name.data());
  const auto start = Clock::now();
  const std::int64_t seeds = std::max(1, options.runs / 4);
  const Sweep sweep =
      read_config(options.config, {"vars.w_bits=1,2,4,8", "seed=range(1," + std::to_string(seeds) + ",1)"});
  const double read = seconds_since(start);
  const ResultsFolder results(folder, sweep.name);
  const SweepPlan plan(sweep.runs, {}, results.path());
  const double planned = seconds_since(start);
  results.freeze(sweep.text);
  std::printf(
      R"({"runs": %zu, "seconds_to_expand": %.3f, "seconds_to_plan": %.3f, "seconds_to_freeze": %.3f, "seconds": %.3f})"
      "\n",
      sweep.runs.size(), read, planned - read, seconds_since(start) - planned, seconds_since(start));
  fs::remove_all(folder);
}

int usage() {
  std::fputs(
      "qrun_bench pack|ops|peak|expand [--config FILE] [--runs R] [--threads T] [--iterations N]\n"
      "qrun_bench compare OPTIONS against OPTIONS\n",
      stderr);
  return 2;
}

/// Reads `--KEY VALUE` pairs from `first` on, up to a word that is no option; false where one is unknown.
bool read_options(int argc, char** argv, int first, Options& options) {
  for (int i = first; i + 1 < argc && std::string(argv[i]).starts_with("--"); i += 2) {
    const std::string key = argv[i];
    if (key == "--config")
      options.config = argv[i + 1];
    else if (key == "--runs")
      options.runs = std::atoi(argv[i + 1]);
    else if (key == "--threads")
      options.threads = std::atoi(argv[i + 1]);
    else if (key == "--iterations")
      options.iterations = std::atoi(argv[i + 1]);
    else
      return false;
  }
  return true;
}

int bench(int argc, char** argv) {
  Options options;
  if (argc < 2 || !read_options(argc, argv, 2, options)) return usage();
  const std::string command = argv[1];
  const auto* end = argv + argc;
  const auto* word = std::find(argv + 2, argv + argc, std::string("against"));
  if (command == "compare" && word != end) {
    Options against = options;
    if (!read_options(argc, argv, static_cast<int>(word - argv) + 1, against)) return usage();
    compare(options, against);
  } else if (command == "pack") {
    pack(options);
  } else if (command == "ops") {
    ops(options);
    depthwise_ops(options);
  } else if (command == "expand") {
    expand(options);
  } else if (command == "peak") {
    std::printf("{\"peak_gflops\": %.1f}\n", peak_gflops());
  } else {
    return usage();
  }
  return 0;
}

}  // namespace
}  // namespace qrun

int main(int argc, char** argv) {
  try {
    return qrun::bench(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
