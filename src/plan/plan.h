// A lowered pack: one network shape, R runs that differ in numbers only. Plain data, no behaviour.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/run_spec.h"
#include "core/shape.h"
#include "math/solver.h"
#include "plan/ops.h"
#include "quant/quantizer.h"

namespace qrun {

/// When a step runs. A training iteration: quantize, forward, loss, backward, update. A test: quantize once, then
/// forward for every batch.
enum class Phase : std::uint8_t { kQuantize, kForward, kLoss, kBackward, kUpdate };

struct Step {
  Phase phase;
  Op op;
};

/// A value per image and element, with a gradient of the same shape where `has_gradient`.
struct BufferInfo {
  std::string layer;
  Shape shape;
  bool has_gradient = false;
};

/// A trainable blob: weights [o, c, k, k] or [o, i], biases [o]. `dims` as stored in files.
struct ParamInfo {
  std::string layer;
  bool is_bias = false;
  std::vector<std::int64_t> dims;
  std::int64_t fan_in = 0;

  [[nodiscard]] std::int64_t size() const {
    std::int64_t n = 1;
    for (const std::int64_t d : dims) n = times(n, d);
    return n;
  }
  [[nodiscard]] const char* blob() const { return is_bias ? "bias" : "weight"; }
};

/// A place where a layer's output may be quantized.
struct ActivationInfo {
  std::string layer;
  BufferId x = kNone;  // before the quantizer
};

/// What one run of the pack says about one blob.
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
  std::int64_t iterations = 0;             // of the whole run: rate policies need the last one
  std::vector<ParamSettings> params;       // [Plan::params]
  std::vector<QuantSettings> activations;  // [Plan::activations]
};

struct Plan {
  Shape input;
  std::int64_t classes = 0;
  Precision precision = Precision::kFp32;
  std::int64_t train_batch = 0;
  std::int64_t test_batch = 0;
  BufferId images = kNone;
  BufferId logits = kNone;
  std::vector<BufferInfo> buffers;
  std::vector<ParamInfo> params;
  std::vector<ActivationInfo> activations;
  std::vector<Step> steps;  // in order of phase
  std::vector<RunSettings> runs;
};

}  // namespace qrun
