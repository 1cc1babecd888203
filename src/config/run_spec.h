// Everything that defines one run, resolved: variables filled in, patterns applied, defaults set. Each part stands in
// the header of its section, with what a configuration may say of it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/fields/cluster.h"
#include "config/fields/data.h"
#include "config/fields/layer.h"
#include "config/fields/loss.h"
#include "config/fields/metrics.h"
#include "config/fields/output.h"
#include "config/fields/solver.h"
#include "config/fields/train.h"
#include "core/enum_names.h"

namespace qrun {

enum class Precision : std::uint8_t { kFp32, kTf32 };  // what an engine may round factors of products to
inline constexpr std::array kPrecisionNames = {"fp32", "tf32"};
constexpr const auto& names_of(Precision /*precision*/) { return kPrecisionNames; }
static_assert(names_all_to(Precision::kTf32));

enum class Products : std::uint8_t { kAuto, kOwn, kCudnn };  // whose code computes convolutions on CUDA
inline constexpr std::array kProductsNames = {"auto", "own", "cudnn"};
constexpr const auto& names_of(Products /*products*/) { return kProductsNames; }
static_assert(names_all_to(Products::kCudnn));

enum class EngineChoice : std::uint8_t { kAuto, kCpu, kCuda, kCheck };
inline constexpr std::array kEngineNames = {"auto", "cpu", "cuda", "check"};
constexpr const auto& names_of(EngineChoice /*engine*/) { return kEngineNames; }
static_assert(names_all_to(EngineChoice::kCheck));

struct RunSpec {
  std::string name;
  std::uint64_t seed = 0xCAFFE;
  EngineChoice engine = EngineChoice::kAuto;
  Precision precision = Precision::kFp32;
  Products products = Products::kAuto;
  DataSpec data;
  std::vector<LayerSpec> network;
  LossSpec loss;
  MetricsSpec metrics;
  Solver solver;
  TrainSpec train;
  OutputSpec output;
  std::optional<ClusterSpec> cluster;
  /// Each swept value under its dotted path, as YAML text; empty for a single run. Outside text().
  std::vector<std::pair<std::string, std::string>> swept;

  /// Canonical YAML of the resolved run; reads back to an equal RunSpec.
  [[nodiscard]] std::string text() const;

  /// 12 hex digits of the hash of what defines the run: defining_text().
  [[nodiscard]] std::string hash() const;

  /// Returns `<readable>-<hash>`: the swept values or `run`, then hash().
  [[nodiscard]] std::string id() const;
};

}  // namespace qrun
