// A lowered pack: one network shape, R runs that differ in numbers only. Plain data, no behaviour.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/run_spec.h"
#include "core/shape.h"
#include "math/solver.h"
#include "plan/blob.h"
#include "plan/ops.h"
#include "quant/quantizer.h"

namespace qrun {

/// When a step runs. A training iteration: quantize, then forward, loss, backward, accumulate for each of its batches,
/// then update. A test: quantize once, then forward for every batch.
enum class Phase : std::uint8_t { kQuantize, kForward, kLoss, kBackward, kAccumulate, kUpdate };

struct Step {
  Phase phase;
  Op op;
};

/// A value per image and element, and a gradient of the same shape, or one of the two: the images have no gradient, a
/// part of a gradient has no value.
struct BufferInfo {
  std::string layer;
  Shape shape;
  bool has_gradient = false;
  bool has_value = true;
};

/// A slot: where a layer's output may be quantized.
struct ActivationInfo {
  std::string layer;
  BufferId x = kNone;         // before the quantizer
  StatisticId range = kNone;  // its moving average of max|x|
};

/// What one run of the pack says about one parameter.
struct ParamSettings {
  QuantSettings quant;
  double lr_mult = 1;
  double decay_mult = 1;
  InitSpec init;
};

/// The numbers in which the runs of a pack differ.
struct RunSettings {
  std::uint64_t seed = 0;
  Solver solver;
  double label_smoothing = 0;
  std::int64_t iterations = 0;             // of the whole run: rate policies need the last one
  std::vector<ParamSettings> params;       // [Plan::params]
  std::vector<QuantSettings> activations;  // [Plan::activations]
  std::vector<double> dropouts;            // [dropout]: probability that a value becomes 0
  std::vector<double> momenta;             // [Plan::statistics]: of those of batch norms
};

struct Plan {
  Shape input;
  std::int64_t classes = 0;
  Precision precision = Precision::kFp32;
  Products products = Products::kAuto;
  std::int64_t train_batch = 0;
  std::int64_t test_batch = 0;
  std::int64_t accumulate = 1;  // training batches an iteration
  BufferId images = kNone;
  BufferId logits = kNone;
  std::vector<BufferInfo> buffers;
  std::vector<Blob> params;      // those that the solver trains
  std::vector<Blob> statistics;  // those that ops move
  std::vector<ActivationInfo> activations;
  int dropouts = 0;
  std::vector<Step> steps;  // in order of phase
  std::vector<RunSettings> runs;
};

}  // namespace qrun
