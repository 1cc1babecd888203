// Everything that defines one run, resolved: variables filled in, patterns applied, defaults set.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/enum_names.h"
#include "core/error.h"
#include "math/solver.h"
#include "quant/quantizer.h"

namespace qrun {

enum class Precision : std::uint8_t { kFp32, kTf32 };  // what an engine may round factors of products to
enum class EngineChoice : std::uint8_t { kAuto, kCpu, kCuda, kCheck };
inline constexpr std::array kEngineNames = {"auto", "cpu", "cuda", "check"};
constexpr const auto& names_of(EngineChoice /*engine*/) { return kEngineNames; }
static_assert(names_all_to(EngineChoice::kCheck));
enum class Keep : std::uint8_t { kLast, kBest, kAll };
enum class InitType : std::uint8_t { kXavier, kHe, kGaussian, kConstant };

struct SourceSpec {
  std::string lmdb;                   // folder; empty where synthetic
  std::int64_t synthetic_digits = 0;  // items
  std::int64_t batch_size = 0;
  bool shuffle = false;         // training only
  std::uint64_t data_seed = 1;  // synthetic
  Position position;            // of `lmdb` or `synthetic_digits`: outside text() and id()
};

struct DataSpec {
  SourceSpec train;
  SourceSpec test;
  double scale = 1;
  std::vector<double> mean;  // empty, one for all channels, or one a channel
  std::int64_t crop = 0;     // 0: whole image
  bool mirror = false;
  std::int64_t pad = 0;
  Position mean_position, crop_position;  // outside text() and id()
};

struct InitSpec {
  InitType type = InitType::kXavier;
  double value = 0;  // standard deviation, or the constant
  bool operator==(const InitSpec&) const = default;
};

struct ParamSpec {
  double lr_mult = 1;
  double decay_mult = 1;
  bool operator==(const ParamSpec&) const = default;
};

struct LayerSpec {
  std::string name;
  std::string type;                            // a name of layer_types()
  std::vector<std::string> input;              // resolved: names of layers, or "data" for the images
  std::map<std::string, std::int64_t> params;  // every parameter of the type, defaults filled in; booleans are 0 or 1
  InitSpec init;
  ParamSpec weight, bias;
  QuantSettings weight_quant, bias_quant, activation_quant;  // method kNoQuantizer: none
  Position position;                                         // of the layer: outside text() and id()

  [[nodiscard]] std::int64_t param(const std::string& key) const { return params.at(key); }
};

struct TrainSpec {
  std::int64_t epochs = 1;
  std::optional<std::int64_t> iterations_per_epoch;  // default: training items / batch size, at least 1
  std::optional<std::int64_t> test_every;            // iterations; default: at the end of each epoch
  std::optional<std::int64_t> log_every;             // iterations; default: off
  std::int64_t checkpoint_every = 1;                 // epochs
  Keep keep = Keep::kLast;
  std::string init_from;        // empty: none
  Position init_from_position;  // outside text() and id()
};

struct OutputSpec {
  std::string dir = "results";
  std::int64_t activation_samples = 64;
};

struct ClusterSpec {
  std::string scheduler = "slurm";
  std::string partition;
  std::string time;
  std::int64_t cpus = 1;
  std::int64_t gpus = 0;
  std::string memory;
  std::int64_t pack = 0;  // 0: what fits
  std::int64_t max_parallel = 0;
  std::vector<std::string> options;
};

struct RunSpec {
  std::string name;
  std::uint64_t seed = 0xCAFFE;
  EngineChoice engine = EngineChoice::kAuto;
  Precision precision = Precision::kFp32;
  DataSpec data;
  std::vector<LayerSpec> network;
  std::string loss = "softmax_cross_entropy";
  Solver solver;
  TrainSpec train;
  OutputSpec output;
  std::optional<ClusterSpec> cluster;
  /// Each swept value under its dotted path, as YAML text; empty for a single run. Outside text().
  std::vector<std::pair<std::string, std::string>> swept;

  /// hash(), kept by the reader: a sweep's runs are asked for theirs many times. Whoever changes what defines the run
  /// clears it.
  std::string known_hash;

  /// Canonical YAML of the resolved run; reads back to an equal RunSpec.
  [[nodiscard]] std::string text() const;

  /// 12 hex digits of the hash of what defines the run: defining_text().
  [[nodiscard]] std::string hash() const;

  /// `<readable>-<hash>`: the swept values or `run`, then hash().
  [[nodiscard]] std::string id() const;
};

}  // namespace qrun
