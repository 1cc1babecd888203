// The record of a run with every quantizer.
#pragma once

#include <string>
#include <vector>

#include "core/support.h"
#include "math/rng.h"
#include "quant/measure.h"
#include "store/run_file.h"

namespace qrun::test {

inline std::vector<float> normal_values(std::int64_t n, std::uint64_t stream) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < n; ++i)
    values.push_back(static_cast<float>(0.1 + random_normal(7, stream, static_cast<std::uint64_t>(i))));
  return values;
}

inline QuantSettings settings_of(const char* method, int bits, bool per_channel = false) {
  QuantSettings settings;
  settings.method = AllQuantizers::find(method);
  settings.bits = bits;
  settings.per_channel = per_channel;
  return settings;
}

inline StoredBlob quantized_blob(const std::string& layer, const std::string& name, std::vector<std::int64_t> dims,
                                 const QuantSettings& settings, std::uint64_t stream) {
  StoredBlob blob{.address = {layer, Place::kLayer, name},
                  .dims = std::move(dims),
                  .quant = settings,
                  .quantized = {},
                  .master = {}};
  std::int64_t size = 1;
  for (const std::int64_t d : blob.dims) size *= d;
  blob.master = normal_values(size, stream);
  Encoded encoded = encode(blob.master, settings, settings.per_channel ? blob.dims[0] : 1);
  blob.quantized = {std::move(encoded.codes), std::move(encoded.params)};
  return blob;
}

inline StoredActivation quantized_activation(const std::string& layer, const Shape& shape, std::int64_t samples,
                                             const QuantSettings& settings, double range) {
  const std::vector<float> values = normal_values(samples * shape.size(), 99);
  const Encoded encoded = encode(values, settings, 1);
  return {.layer = layer,
          .shape = shape,
          .quant = settings,
          .quantized = {encoded.codes, std::vector<QParams>(static_cast<std::size_t>(samples), encoded.params[0])},
          .range = range};
}

inline void add_identity(RunRecord& r) {
  r.run_id = "w_bits=2-0123456789ab";
  r.name = "sample";
  r.status = RunStatus::kComplete;
  r.config = "name: sample\nnetwork:\n  - {name: größe, type: relu}\n";
  r.seed = 0xFFFFFFFFFFFFFFFFULL;
  r.engine = "cpu";
  r.arithmetic = "float";
  r.device = "a processor";
  r.instruction_set = "avx2";
  r.hostname = "host";
  r.threads = 3;
  r.qrun_version = "0.1.0";
  r.git_commit = "0123456789ab";
  r.started = "2026-01-02T03:04:05Z";
  r.finished = "2026-01-02T03:05:06Z";
  r.wall_seconds = 61.5;
  r.best_test_accuracy = 0.75;
  r.final_test_accuracy = 0.5;
  r.final_test_loss = 0.5;
  r.network_json = R"({"model_bits": 1024, "model_bits_float": 16384})";
}

/// A blob for each method, one with codes for each channel, and one without quantizer.
inline void add_weights(RunRecord& r) {
  r.weights.push_back(quantized_blob("conv1", "weight", {6, 3, 5, 5}, settings_of("ulq", 2), 1));
  r.weights.push_back(quantized_blob("conv1", "bias", {6}, settings_of("ulq", 1), 2));
  r.weights.push_back(quantized_blob("conv2", "weight", {8, 6, 5, 5}, settings_of("ulq", 3, true), 3));
  r.weights.push_back(quantized_blob("conv2", "bias", {8}, settings_of("dynamic_fixed_point", 8), 4));
  r.weights.push_back(quantized_blob("fc1", "weight", {50, 40}, settings_of("ternary", 2, true), 5));
  r.weights.push_back(quantized_blob("fc1", "bias", {50}, settings_of("ternary_quantize", 6), 6));
  r.weights.push_back(quantized_blob("fc2", "weight", {30, 50}, settings_of("clip", 12), 7));
  r.weights.push_back(quantized_blob("fc2", "bias", {30}, settings_of("dynamic_fixed_point", 16), 8));
  r.weights.push_back({.address = {"score", Place::kLayer, "weight"},
                       .dims = {10, 30},
                       .quant = {},
                       .quantized = {},
                       .master = normal_values(300, 9)});
}

inline RunRecord sample_record() {
  RunRecord r;
  add_identity(r);
  r.swept = {{"vars.w_bits", "2"}, {"solver.lr", "0.01"}, {"data.train.shuffle", "true"}, {"solver.type", "adam"}};
  for (std::int64_t e = 0; e < 3; ++e) {
    const auto x = static_cast<double>(e);
    r.train.push_back({e, 10 * (e + 1), 0.5 - 0.1 * x, 0.6 - 0.1 * x, 0.01, 1000 + x});
    r.test.push_back({e, 10 * (e + 1), 0.7 - 0.1 * x, 0.25 + 0.125 * x});
  }
  r.iterations = {{5, 0.9, 0.01}, {10, 0.8, 0.009}};
  r.classes = 10;
  for (std::int32_t i = 0; i < 40; ++i) {
    r.labels.push_back(i % 10);
    r.predictions.push_back(i % 2 == 0 ? i % 10 : (i + 1) % 10);  // half of them right
  }
  add_weights(r);
  QuantSettings ema = settings_of("clip", 8);
  ema.range = Range::kEma;
  ema.ema_momentum = 0.95;
  QuantSettings fixed = settings_of("clip", 2);
  fixed.range = Range::kFixed;
  fixed.range_value = 2.5;
  r.activations.push_back(quantized_activation("conv1", {6, 4, 4}, 16, ema, 3.25));
  r.activations.push_back(quantized_activation("fc1", {50, 1, 1}, 16, fixed, -1));
  return r;
}

}  // namespace qrun::test
