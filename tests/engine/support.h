// What engine tests share: engines to test, one-step plans, random tensors, comparison within derived bounds.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cpu/cpu_engine.h"
#include "cuda/cuda_engine.h"
#include "engine/plugin.h"
#include "math/rng.h"
#include "reference/reference.h"

namespace qrun {

using ref::Floats;

inline Floats normal(std::int64_t n, std::uint64_t seed) {
  Floats x(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(random_normal(seed, 7, i));
  return x;
}
inline Floats nans(std::int64_t n) {
  return Floats(static_cast<std::size_t>(n), std::numeric_limits<float>::quiet_NaN());
}

/// An engine under test.
struct EngineCase {
  std::string engine;           // cpu; cuda; emulated: the CUDA engine on a device made of C++
  std::string instruction_set;  // cpu
  int threads = 1;              // cpu
};
inline void PrintTo(const EngineCase& c, std::ostream* out) {
  *out << c.engine << " " << c.instruction_set << " threads " << c.threads;
}

/// The build that these tests are of.
[[nodiscard]] std::string this_build();

/// The folder of this program.
inline std::filesystem::path program_folder() { return std::filesystem::read_symlink("/proc/self/exe").parent_path(); }

/// Where the emulated device has its cuDNN: beside this program, or in lib beside its folder.
inline cuda::LibraryPlace emulated_cudnn() {
  const std::filesystem::path beside = program_folder() / "emulated";
  return {(std::filesystem::exists(beside) ? beside : program_folder() / "../lib/emulated").string(), this_build()};
}

/// The plug-in's engine, or why there is none.
inline EngineProbe probe_cuda() { return open_cuda_engine(program_folder().string(), this_build(), 0); }

/// All that this machine has; the first call says which.
inline const std::vector<EngineCase>& engine_cases() {
  static const std::vector<EngineCase> kCases = [] {
    std::vector<EngineCase> cases;
    for (const std::string& set : cpu_instruction_sets()) {
      for (const int threads : {1, 3}) cases.push_back({"cpu", set, threads});
    }
    cases.push_back({"emulated", "", 1});
    const EngineProbe cuda = probe_cuda();
    if (cuda.engine) cases.push_back({"cuda", "", 1});
    std::cout << "engines tested: cpu, cuda (emulated), "
              << (cuda.engine ? "cuda on " + cuda.engine->info().device : cuda.problem) << "\n";
    return cases;
  }();
  return kCases;
}
inline std::string case_name(const testing::TestParamInfo<EngineCase>& info) {
  return info.param.engine + (info.param.engine == "cpu"
                                  ? "_" + info.param.instruction_set + "_" + std::to_string(info.param.threads)
                                  : "");
}

inline std::unique_ptr<Engine> make_engine(const EngineCase& c) {
  if (c.engine == "cpu") return make_cpu_engine(c.threads, c.instruction_set);
  if (c.engine == "cuda") return probe_cuda().engine;
  return std::make_unique<cuda::CudaEngine>(EngineInfo{.name = "cuda", .device = "emulated"}, emulated_cudnn());
}

/// A plan of buffers and parameters with hand-made steps, for one run.
struct StepPlan {
  Plan plan;
  explicit StepPlan(std::int64_t batch) {
    plan.train_batch = plan.test_batch = batch;
    plan.runs.resize(1);
    plan.runs[0].iterations = 100;
  }
  BufferId buffer(Shape shape) {
    plan.buffers.push_back({"layer", shape, true});
    return static_cast<BufferId>(plan.buffers.size()) - 1;
  }
  ParamId param(std::vector<std::int64_t> dims, QuantSettings quant = {}, BlobRole role = BlobRole::kWeight) {
    plan.params.push_back({.layer = "layer", .role = role, .dims = std::move(dims)});
    plan.runs[0].params.push_back({quant, 1, 1, {}});
    return static_cast<ParamId>(plan.params.size()) - 1;
  }
  StatisticId statistic(BlobRole role, std::int64_t n, double momentum, Place place = Place::kLayer) {
    plan.statistics.push_back({.layer = "layer", .place = place, .role = role, .dims = {n}});
    plan.runs[0].momenta.push_back(momentum);
    return static_cast<StatisticId>(plan.statistics.size()) - 1;
  }
  SlotId slot(BufferId x, QuantSettings quant) {
    const StatisticId range = statistic(BlobRole::kRange, 1, 0, Place::kActivation);
    plan.activations.push_back({"layer", x, range});
    plan.runs[0].activations.push_back(quant);
    return static_cast<SlotId>(plan.activations.size()) - 1;
  }
  void step(const Op& op) { plan.steps.push_back({Phase::kForward, op}); }
};

/// All that the steps of a plan touch, once each.
inline std::set<Operand> operands_of(const Plan& plan) {
  std::set<Operand> all;
  for (const Step& step : plan.steps) {
    const Operands operands = operands_of(step.op);
    all.insert(operands.reads.begin(), operands.reads.end());
    all.insert(operands.writes.begin(), operands.writes.end());
  }
  return all;
}

/// What starts as NaN: tensors and parameters, but neither what the solver has kept nor what is no number.
inline bool starts_as_nan(const Operand& what) {
  switch (what.kind) {
    case OperandKind::kValue:
    case OperandKind::kGradient:
    case OperandKind::kMoments:
    case OperandKind::kMomentsGradient:
    case OperandKind::kMaster:
    case OperandKind::kParamValue:
    case OperandKind::kParamGradient: return true;
    default: return false;
  }
}

/// NaN in all that ops read and write: an element that one skips, or reads before it is there, fails.
inline void fill_with_nans(StepAccess& steps, const Plan& plan) {
  for (const Operand& what : operands_of(plan)) {
    if (!starts_as_nan(what)) continue;
    const std::int64_t n =
        what.kind == OperandKind::kValue ? std::max(plan.train_batch, plan.test_batch) : plan.train_batch;
    steps.write(0, what, n, nans(std::ssize(steps.read(0, what, n))));
  }
}

class EngineTest : public testing::TestWithParam<EngineCase> {
 protected:
  /// A program of one run, filled with NaN.
  std::unique_ptr<Program> load(const Plan& plan) {
    engine_ = make_engine(GetParam());
    std::unique_ptr<Program> program = engine_->load(plan, {});
    fill_with_nans(program->steps(), plan);
    return program;
  }

 private:
  std::unique_ptr<Engine> engine_;
};

/// Each sum of at most `terms` products within 2 (K + 1) 2^-24 of its magnitudes (Higham 2002, section 3.1). In TF32
/// both factors are rounded to 11 bits, (1 + 2^-11)^2 - 1 in all, and tensor cores may cut off where others round.
inline void expect_sums(const Floats& got, const ref::Sums& want, std::int64_t terms, const std::string& what,
                        Precision precision = Precision::kFp32) {
  ASSERT_EQ(got.size(), want.size()) << what;
  double bound = 2.0 * static_cast<double>(terms + 1) * 0x1p-24;
  if (precision == Precision::kTf32) bound = 2.0 * bound + 0x1p-10 + 0x1p-22;
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(static_cast<double>(got[i]), want[i].value, bound * want[i].magnitude) << what << " at " << i;
  }
}

}  // namespace qrun
