// The HDF5 file of one run: what goes into it and comes out of it. Layout: results/README.md.
#pragma once

#include <cstdint>
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
#include "store/metrics.h"
#include "store/run_attributes.h"
#include "store/top_accuracy.h"

namespace qrun {

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

/// Running statistics of a batch norm: what a test normalizes by, and the sum of the weights of the batches in it.
struct StoredStatistics {
  std::string layer;
  std::vector<float> mean, variance;  // [c]
  double count = 0;
};

struct RunRecord : RunAttributes {
  std::vector<std::pair<std::string, std::string>> swept;   // dotted path, YAML text of the value
  std::vector<std::pair<std::string, std::string>> origin;  // of a file: engine, products and hashes of data, as it has
  std::optional<DataRecord> data;  // none where it was not recorded yet, or the run failed before it came to its data

  std::vector<TrainPoint> train;
  std::vector<TestPoint> test;
  std::vector<TopAccuracy> top;  // of these tests, by k
  std::vector<IterationPoint> iterations;
  std::int64_t classes = 0;
  std::vector<std::int32_t> labels, predictions;  // of the final test; the confusion matrix is made from them

  std::vector<StoredBlob> weights;
  std::vector<StoredActivation> activations;
  std::vector<StoredStatistics> statistics;
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

/// A file that is sound, but of another program, or not the file of a run.
class NotARun : public Error {
 public:
  using Error::Error;
};

/// Throws Error naming the file and what is wrong: not HDF5, truncated; NotARun; Unreadable where it may be sound:
/// locked, not ours to read, of a newer format_version.
[[nodiscard]] RunRecord read_run(const std::string& path, ReadDepth depth);

}  // namespace qrun
