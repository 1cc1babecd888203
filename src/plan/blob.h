// What training owns: blobs, each with an address and a role. Files and messages name a blob by its address, and what
// holds of all blobs of a role stands in one table.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/enum_names.h"
#include "core/sizes.h"

namespace qrun {

/// The part of a layer that a blob belongs to: the layer itself, or what a quantizer of it quantizes.
enum class Place : std::uint8_t { kLayer, kWeight, kBias, kActivation };
inline constexpr std::array kPlaceNames = {"", "weight", "bias", "activation"};
constexpr const auto& names_of(Place /*place*/) { return kPlaceNames; }
static_assert(names_all_to(Place::kActivation));

/// The address of a blob, as text `conv1/weight`, where the blob is the layer's own, or `conv1/activation.range_ema`.
struct BlobAddress {
  std::string layer;
  Place place = Place::kLayer;
  std::string name;
  bool operator==(const BlobAddress&) const = default;

  /// Returns the address within the layer: `weight`, `activation.range_ema`.
  [[nodiscard]] std::string in_layer() const;
};

[[nodiscard]] std::string to_string(const BlobAddress& address);

/// Returns what to_string() has printed; nothing where `text` is no address.
[[nodiscard]] std::optional<BlobAddress> parse_blob_address(std::string_view text);

/// What a blob is for: weights and biases of products; those of a channel; the range of an activation's quantizer; sums
/// of running statistics, and of how many batches.
enum class BlobRole : std::uint8_t { kWeight, kBias, kScale, kShift, kRange, kMean, kVariance, kCount };

struct BlobRoleInfo {
  BlobRole role;
  std::string_view name;  // in addresses
  bool trained;           // by the solver, in float32; else ops move it, in float64
  bool decays;            // weight decay reaches it
  bool may_be_quantized;
  std::optional<double> start;  // nothing: as the layer's `init` says
};

inline constexpr std::array kBlobRoles = {
    BlobRoleInfo{BlobRole::kWeight, "weight", true, true, true, std::nullopt},
    BlobRoleInfo{BlobRole::kBias, "bias", true, true, true, std::nullopt},
    BlobRoleInfo{BlobRole::kScale, "weight", true, true, true, std::nullopt},
    BlobRoleInfo{BlobRole::kShift, "bias", true, true, true, std::nullopt},
    BlobRoleInfo{BlobRole::kRange, "range_ema", false, false, false, -1},  // negative: no training batch was seen yet
    BlobRoleInfo{BlobRole::kMean, "mean", false, false, false, 0},
    BlobRoleInfo{BlobRole::kVariance, "variance", false, false, false, 0},
    BlobRoleInfo{BlobRole::kCount, "count", false, false, false, 0},
};

[[nodiscard]] constexpr const BlobRoleInfo& info_of(BlobRole role) {
  return kBlobRoles[static_cast<std::size_t>(role)];
}

static_assert(kBlobRoles.size() == static_cast<std::size_t>(BlobRole::kCount) + 1);
static_assert([] {
  for (const BlobRoleInfo& info : kBlobRoles) {
    if (&info_of(info.role) != &info) return false;
  }
  return true;
}());

/// A blob of a plan. Weights are [o, c, k, k] or [o, i], biases [o], ranges and counts [1], the rest [c]: `dims` as
/// stored in files.
struct Blob {
  std::string layer;
  Place place = Place::kLayer;
  BlobRole role = BlobRole::kWeight;
  std::vector<std::int64_t> dims;
  std::int64_t fan_in = 1;

  [[nodiscard]] std::int64_t size() const;
  [[nodiscard]] BlobAddress address() const { return {layer, place, std::string(info_of(role).name)}; }
};

}  // namespace qrun
