// The HDF5 file of one run: what goes into it and comes out of it. Layout: results/README.md.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/data_record.h"
#include "core/error.h"
#include "core/shape.h"
#include "engine/engine.h"
#include "plan/blob.h"
#include "quant/quantizer.h"

namespace qrun {

struct TrainPoint {
  std::int64_t epoch = 0, iteration = 0;
  double loss = 0, loss_mean = 0, lr = 0, images_per_second = 0;
};
struct TestPoint {
  std::int64_t epoch = 0, iteration = 0;
  double loss = 0, accuracy = 0;
};
struct IterationPoint {
  std::int64_t iteration = 0;
  double loss = 0, lr = 0;
};

/// A parameter blob: master, which a file with codes may lack; codes and params where `quant` names a method.
struct StoredBlob {
  BlobAddress address;
  std::vector<std::int64_t> dims;
  QuantSettings quant;
  QuantizedBlob quantized;
  std::vector<float> master;
};

/// Codes of a quantized layer output for the first test images.
struct StoredActivation {
  std::string layer;
  Shape shape;
  QuantSettings quant;
  QuantizedActivation quantized;
  double range = -1;  // the frozen moving average of `range: ema`, else negative
};

struct RunRecord {
  std::string run_id, name;
  std::string status;  // complete, interrupted, failed
  std::string error;   // if failed
  std::string config;  // RunSpec::text()
  std::uint64_t seed = 0;
  std::string engine, arithmetic, device, instruction_set, hostname;
  std::string precision = "fp32";  // or tf32: of the factors of products
  int threads = 0;
  std::string qrun_version, git_commit, started, finished;  // ISO 8601, UTC
  double wall_seconds = 0;
  double best_test_accuracy = std::numeric_limits<double>::quiet_NaN();
  // Of the final test, with the weights that are kept; NaN where the run isn't complete.
  double final_test_accuracy = std::numeric_limits<double>::quiet_NaN();
  double final_test_loss = std::numeric_limits<double>::quiet_NaN();
  std::vector<std::pair<std::string, std::string>> swept;   // dotted path, YAML text of the value
  std::vector<std::pair<std::string, std::string>> origin;  // of a file: engine, products and hashes of data, as it has
  std::optional<DataRecord> data;  // none where it was not recorded yet, or the run failed before it came to its data

  std::vector<TrainPoint> train;
  std::vector<TestPoint> test;
  std::vector<IterationPoint> iterations;
  std::int64_t classes = 0;
  std::vector<std::int32_t> labels, predictions;  // of the final test; the confusion matrix is made from them

  std::vector<StoredBlob> weights;
  std::vector<StoredActivation> activations;
  std::string network_json;
};

/// Writes to a temporary name, flushes, renames. Throws EnvironmentError (path, reason) if the disk is full or not
/// writable.
void write_run(const std::string& path, const RunRecord& record);

/// Adds swept values to those that the file of a run names; the rest stays to the bit. Throws as write_run() and
/// read_run() do.
void add_params(const std::string& path, const std::vector<std::pair<std::string, std::string>>& swept);

/// How much of a file to read: everything, or attributes and metrics only (for leaderboards).
enum class ReadDepth : std::uint8_t { kSummary, kAll };

/// Sound, but of another program, or not the file of a run.
class NotARun : public Error {
 public:
  using Error::Error;
};

/// Throws Error naming the file and what is wrong: not HDF5, truncated; NotARun; Unreadable where it may be sound:
/// locked, not ours to read, of a newer format_version.
[[nodiscard]] RunRecord read_run(const std::string& path, ReadDepth depth);

}  // namespace qrun
